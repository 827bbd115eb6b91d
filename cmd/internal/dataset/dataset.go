// Package dataset is how commands open datasets: as package data does, and from Parquet
// files.
package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/tomlfile"
	"tapenet/train/data"
	"tapenet/train/data/parquet"
)

// Names are the datasets that have one.
var Names = []string{"mnist", "rotated-mnist", "fashion-mnist"}

// Usage says what a dataset is, in a flag's help.
const Usage = "mnist, rotated-mnist, fashion-mnist, or a folder: IDX files, CIFAR, tar shards, or pictures in a sub-folder for each class; or a file of pictures or of their names, .parquet, .csv or .jsonl"

// Open is Options.Open, of Parquet files too. A name that is nothing is a usage error.
func Open(o data.Options, name string) (data.Dataset, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && !slices.Contains(Names, name) {
		return data.Dataset{}, cli.Usagef("data: no dataset %q, want %s, or a folder or file with one%s", name, strings.Join(Names, ", "), cli.Meant(name, Names))
	}
	if parquet.Is(name) {
		return parquet.Open(o, name)
	}
	return o.Open(name)
}

// OfRun is what a run was trained on, as the settings in its folder say; "" if they do not,
// or for a model that is no run.
func OfRun(dir string) string {
	var settings struct{ Data string }
	if err := tomlfile.Decode(filepath.Join(dir, "config.toml"), &settings); err != nil {
		return ""
	}
	return settings.Data
}

// OfPictures is data.OfPictures, of Parquet files too.
func OfPictures(name string) bool { return parquet.Is(name) || data.OfPictures(name) }

// Augmentations are those of a flag.
func Augmentations(list string) ([]data.Augmentation, error) {
	steps, err := data.ParseAugmentations(list)
	if err == nil {
		return steps, nil
	}
	meant := ""
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == '|' }) {
		name, _, _ := strings.Cut(strings.TrimSpace(item), "=")
		if _, err := data.ParseAugmentations(name); err != nil {
			meant = cli.Meant(name, data.AugmentationNames())
			break
		}
	}
	return nil, cli.Usagef("%v%s", err, meant)
}
