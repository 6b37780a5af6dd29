package stages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agext/levenshtein"

	"pii/data"
	"pii/hub"
	"pii/pipeline"
	"pii/torchmodel"
)

// checkModel checks what the setting model names: a preset, a folder, or else a model of the hub. Whether the hub has it
// shows when it is asked.
func (c *Config) checkModel() error {
	if !c.onHub() {
		return nil
	}
	wrong := fmt.Sprintf("is %q, which is neither %s, small, distilbert-base, a model folder nor owner/name on the hub", c.Model, shippedModel)
	if _, err := os.Stat(c.Model); err == nil {
		return c.fault("model", wrong)
	}
	m, err := hub.Parse(c.Model)
	if err != nil {
		return c.fault("model", wrong)
	}
	for name := range presets {
		if levenshtein.Distance(m.Repo, name, nil) <= 2 { // distilbert-base-cased is farther off
			return c.fault("model", fmt.Sprintf("%s; did you mean %q?", wrong, name))
		}
	}
	return nil
}

// onHub reports whether the model is one of the hub. A folder of its name goes before it, as in transformers.
func (c *Config) onHub() bool {
	return c.fromCheckpoint() && c.Model != shippedModel && !isFolder(c.Model)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkpoint is the folder with the model that training starts from. That of the hub and the shipped one are known after FindModel.
func (c *Config) checkpoint() string {
	if c.Model == shippedModel || c.onHub() {
		return c.snapshot
	}
	return c.Model
}

// FindModel finds the folder of a model of the hub, or of the shipped one. With download it asks the hub what the model is now
// and fetches what of it is missing, or unpacks the shipped one; without, it neither uses the network nor writes anything, and what
// the cache has not of the hub's, the stages wait for. For any other model it does nothing.
func (c *Config) FindModel(ctx context.Context, env *Env, download bool) (err error) {
	if c.Model == shippedModel && !download {
		c.snapshot = unpackedModel()
		return nil
	}
	if c.Model == shippedModel {
		c.snapshot, err = unpackModel(env.Log.Printf)
		return err
	}
	if !c.onHub() {
		return nil
	}
	c.snapshot, err = hubFolder(ctx, env, c.Model, download)
	var missing *hub.MissingError
	if errors.As(err, &missing) && !download {
		return nil
	}
	return err
}

func hubFolder(ctx context.Context, env *Env, name string, download bool) (string, error) {
	m, err := hub.Parse(name)
	if err != nil {
		return "", err
	}
	client, err := env.hub()
	if err != nil {
		return "", err
	}
	if !download {
		return client.Cached(m)
	}
	dir, err := client.Resolve(ctx, m, func(dir string) error {
		_, err := torchmodel.ReadConfig(dir) // before the weights of a model that cannot be used are fetched
		return err
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return dir, err
	case errors.Is(err, hub.ErrNoModel):
		return "", fmt.Errorf("%w (nor is there a folder %s)", err, name)
	}
	return "", fmt.Errorf("there is no folder %s; as a model of the hub: %w", name, err) // most names of two parts are meant as folders
}

// ModelDir is the folder of a model to read: that of the shipped one, the folder of that name, or else the model owner/name of the hub, which is
// downloaded where it is missing. Errors say what is wrong with the folder, before anything is done with it.
func ModelDir(ctx context.Context, env *Env, name string) (string, error) {
	dir := name
	if name == shippedModel {
		return unpackModel(env.Log.Printf)
	}
	if _, err := os.Stat(name); err != nil && strings.Contains(name, "/") {
		if _, err := hub.Parse(name); err == nil {
			if dir, err = hubFolder(ctx, env, name, true); err != nil {
				return "", err
			}
		}
	}
	return dir, CheckModelDir(dir)
}

// checkpointFiles are what tokenize and train read of the checkpoint that training starts from, if it does.
func (c *Config) checkpointFiles() (tokenizer, weights []pipeline.Input, err error) {
	if !c.fromCheckpoint() {
		return nil, nil, nil
	}
	dir := c.checkpoint()
	if dir == "" && c.Model == shippedModel {
		return carriedModel()
	}
	if dir == "" {
		awaited := []pipeline.Input{{Name: "model", Awaits: "the download of model " + c.Model}}
		return awaited, awaited, nil
	}
	if err := CheckModelDir(dir); err != nil {
		return nil, nil, err
	}
	names, err := modelFiles(dir)
	return checkpointInputs(dir, append([]string{"config.json"}, tokenizerFiles...)...), checkpointInputs(dir, names...), err
}

// carriedModel is checkpointFiles of the shipped model where it is not unpacked: keys are the same, and there is nothing to train from.
func carriedModel() (tokenizer, weights []pipeline.Input, err error) {
	files := data.BuiltinModel()
	carried := func(names ...string) (inputs []pipeline.Input) {
		for _, name := range names {
			content, readErr := fs.ReadFile(files, name)
			if errors.Is(readErr, fs.ErrNotExist) {
				continue
			}
			err = errors.Join(err, readErr)
			inputs = append(inputs, pipeline.Input{Name: "model/" + name, Content: content})
		}
		return inputs
	}
	tokenizer, weights = carried(append([]string{"config.json"}, tokenizerFiles...)...), carried("config.json", "model.safetensors")
	return tokenizer, weights, err
}

// sameName reports whether a path is the folder that a name in the working folder is, or would be.
func sameName(path, name string) bool {
	a, errA := filepath.Abs(path)
	b, errB := filepath.Abs(name)
	return errA == nil && errB == nil && a == b
}
