package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

// verify checks a downloaded file against what the hub says of it. An ETag of 64 digits is the content's SHA-256, as git LFS
// keeps it; one of 40 digits is the SHA-1 of the git blob, which is the content after a line that says its length.
func verify(path string, want remote) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if want.size >= 0 && info.Size() != want.size {
		return fmt.Errorf("%d bytes came of %d; nothing of it was kept", info.Size(), want.size)
	}
	name, sum := "SHA-256", sha256.New()
	if len(want.etag) == 2*sha1.Size {
		name, sum = "git's SHA-1", gitBlob(info.Size())
	}
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.etag {
		return fmt.Errorf("what came is not the file that the hub lists: %s is %s, not %s; nothing of it was kept, and the same "+
			"command downloads it again", name, got, want.etag)
	}
	return nil
}

func gitBlob(size int64) hash.Hash {
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", size)
	return sum
}
