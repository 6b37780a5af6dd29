package wordpiece

import (
	"fmt"
	"io"
	"os"
)

// maxFileSize is far above the largest vocabulary of the BERT family, whose tokenizer.json has about 3 MiB.
const maxFileSize = 64 << 20

// readFile reads a regular file, or what a link to one leads to. It refuses what might never end or never answer, such as a
// named pipe or a device, and files above maxFileSize.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxFileSize>>20)
	}
	return data, nil
}
