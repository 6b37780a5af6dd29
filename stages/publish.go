package stages

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pii/pipeline"
)

// publishModel puts copies of the model that a stage of a run wrote, and of files beside it, into the folder out. They are written and
// synced aside first, so that a full disk harms nothing.
func publishModel(runDir, stage, out string, beside []string) error {
	aside := filepath.Join(runDir, "publish")
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	if err := os.Mkdir(aside, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	err := copyFolder(filepath.Join(runDir, stage, modelFolder), aside)
	for _, name := range beside {
		if err == nil {
			err = copyFile(filepath.Join(runDir, stage, name), filepath.Join(aside, name))
		}
	}
	if err == nil {
		err = syncFolder(aside)
	}
	if err != nil {
		return fmt.Errorf("writing the model to %s: %w", out, err)
	}
	return replaceFiles(aside, out)
}

// replaceFiles renames the files of a model folder into folder to. What the new model has none of, the card of another model for
// one, goes. config.json, without which a folder is no model, goes first and comes last: a kill in between must not leave half an old
// model and half a new one that passes for whole.
func replaceFiles(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	const marker = "config.json"
	changed := []string{marker}
	same := sameContent(filepath.Join(from, marker), filepath.Join(to, marker))
	for _, entry := range entries {
		a, b := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		if entry.Name() != marker && !sameContent(a, b) {
			changed = append([]string{entry.Name()}, changed...)
		}
	}
	stale := othersFiles(from, to)
	if same && len(changed) == 1 && len(stale) == 0 {
		return nil
	}
	if err := os.Remove(filepath.Join(to, marker)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for _, name := range changed {
		if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return pipeline.SyncDir(to)
}

// othersFiles are the files in folder to that would be read as parts of the model in folder from, and are not.
func othersFiles(from, to string) (stale []string) {
	for _, name := range append([]string{cardName, calibrationName}, tokenizerFiles...) {
		_, err := os.Lstat(filepath.Join(from, name))
		if info, there := os.Lstat(filepath.Join(to, name)); errors.Is(err, os.ErrNotExist) && there == nil && !info.IsDir() {
			stale = append(stale, filepath.Join(to, name))
		}
	}
	return stale
}
