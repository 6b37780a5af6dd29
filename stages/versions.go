package stages

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"pii/torchmodel"
)

// Versions are of pii and what it is built on. A libtorch that is not there is "none".
func Versions(own string) map[string]string {
	versions := map[string]string{"pii": own, "go": runtime.Version(), "gotch": "unknown", "libtorch": "none"}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/sugarme/gotch" {
				versions["gotch"] = dep.Version
			}
		}
	}
	if built, err := torchmodel.Built(); err == nil {
		versions["libtorch"] = built.Libtorch
	}
	return versions
}

// PrintJSON writes v as indented JSON.
func PrintJSON(w io.Writer, v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(content))
	return err
}
