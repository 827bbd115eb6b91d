package data

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tapenet/graph/weights"
	"tapenet/train/data"
)

// export writes test images as pictures, each in a folder of its class: by turns one of
// each class, the first ones of the test part first.
func (o options) export(ctx context.Context, d data.Dataset, stdout io.Writer) error {
	if d.Sets != nil {
		return fmt.Errorf("data: -export: the images of %s have several classes each, want one each for folders of classes", d.Name)
	}
	labels, err := data.Labels(d.Test, d.Shape)
	if err != nil {
		return err
	}
	folders, chosen := classFolders(d.Classes), byTurns(labels, len(d.Classes), o.exports)
	err = newFolder(o.out, "the pictures", func(dir string) error {
		for n, i := range chosen {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("data: stopped after %d of %d pictures: %w", n, len(chosen), err)
			}
			img, err := read(d.Test, i, d.Shape)
			if err != nil {
				return err
			}
			folder := filepath.Join(dir, folders[labels[i]])
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			write := func(w io.Writer) error { return png.Encode(w, img) }
			if err := weights.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.png", i)), write); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "wrote %d test images as pictures to %s, in a folder for each class\n", len(chosen), o.out)
	return err
}

// byTurns chooses n samples, all if there are fewer: the first of each class, then the
// second of each, and so on.
func byTurns(labels []int, classes, n int) (chosen []int) {
	of := make([][]int, classes)
	for i, class := range labels {
		of[class] = append(of[class], i)
	}
	for turn := 0; len(chosen) < min(n, len(labels)); turn++ {
		for _, all := range of {
			if turn < len(all) && len(chosen) < n {
				chosen = append(chosen, all[turn])
			}
		}
	}
	return chosen
}

// classFolders are names of folders for classes, which differ and lie side by side
// whatever the classes are called.
func classFolders(classes []string) []string {
	folders, seen := make([]string, len(classes)), map[string]bool{}
	for k, class := range classes {
		name := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
				return '_'
			}
			return r
		}, class)
		if strings.Trim(name, ". ") == "" || seen[strings.ToLower(name)] {
			name = strings.TrimLeft(fmt.Sprintf("%s (class %d)", strings.Trim(name, ". "), k), " ")
		}
		folders[k], seen[strings.ToLower(name)] = name, true
	}
	return folders
}
