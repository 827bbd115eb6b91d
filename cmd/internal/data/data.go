// Package data is the command that shows what is in a dataset, draws some of its
// images, augmented too, and packs it into tar shards.
package data

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/cmd/internal/inspect"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/train/data"
	"tapenet/train/data/scenes"
)

// options are the flags.
type options struct {
	name, picture, pack string
	scenes              string
	out                 string // of exports
	exports             int
	shard, limit        int
	labelNoise          float64
	seed                uint64
	suspects            bool
	skipDamaged         bool
	model               string // of -suspects, as the next two
	folds, epochs       int
	images              data.Options // their seed stays 0, as train and infer have it, which then know the same test part
	augment             []data.Augmentation
}

func parse(args []string, stdout io.Writer) (o options, err error) {
	f := cli.Flags("data", "[-data NAME|DIR] [flags]",
		"Shows what is in a dataset, draws some of its images, lists those whose labels look wrong, and writes it as pictures or as tar shards.", stdout)
	f.StringVar(&o.name, "data", "mnist", dataset.Usage)
	f.Names("data", dataset.Names...)

	f.Group("What to do besides")
	f.StringVar(&o.picture, "picture", "", "draw a few training images of each class in this PNG file, with -suspects the suspects")
	augment := f.String("augment", "", "draw them augmented, as in shift=0.1,rotate=15,elastic; train -help lists all")
	f.IntVar(&o.exports, "export", 0, "write so many test images as PNG pictures, in a folder for each class, by turns one of each")
	f.StringVar(&o.out, "out", "", "new folder for -export")
	f.StringVar(&o.pack, "pack", "", "write the dataset as tar shards to this new folder")
	f.IntVar(&o.shard, "shard", 10000, "samples in a shard")
	f.StringVar(&o.scenes, "scenes", "", "write 240 pictures that resemble photographs, of four kinds of places, to this new folder, and nothing else")

	f.Group("Labels that look wrong")
	f.BoolVar(&o.suspects, "suspects", false, "list the training images whose labels look wrong to networks that have not been trained on them (confident learning)")
	f.StringVar(&o.model, "model", "convnet", "network of -suspects; tapenet zoo lists them")
	f.Names("model", modelzoo.Names()...)
	f.IntVar(&o.folds, "folds", 5, "parts of the training set for -suspects: a network for each, trained on the others")
	f.IntVar(&o.epochs, "epochs", 4, "epochs of -suspects' training")
	f.Float64Var(&o.labelNoise, "label-noise", 0, "for experiments, replace the labels of this share of the training images, each by another class; -suspects then says how many it finds")

	f.Group("How the dataset is read")
	f.IntVar(&o.limit, "limit", 0, "use only the first so many training and test samples (default all)")
	f.IntVar(&o.images.Height, "height", 0, "scale pictures to this height (default the size of all, if it is one of at most 96; else up to 64)")
	f.IntVar(&o.images.Width, "width", 0, "scale pictures to this width (default likewise; one of the two alone makes squares)")
	f.IntVar(&o.images.Channels, "channels", 0, "1 for grey, 3 for colour (default 1 if all training pictures are grey)")
	f.StringVar(&o.images.Preprocessing.Fit, "fit", raster.Crop, "how pictures get that size: crop takes the middle, pad puts black beside them, stretch deforms them")
	f.OneOf("fit", raster.Crop, raster.Pad, raster.Stretch)
	f.Float64Var(&o.images.TestShare, "test", 0, "share for testing if pictures have no test part (default 0.2)")
	f.Uint64Var(&o.seed, "seed", 1, "of the images drawn, of their augmentation, of the order in shards, of the folds of -suspects and their training, of label noise")
	f.BoolVar(&o.skipDamaged, "skip-damaged", false, "go on without pictures that cannot be read, and list them")
	cli.MaxPixels(f, &o.images.MaxPixels)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := f.NoArguments(); err != nil {
		return o, err
	}
	if *augment != "" {
		if o.augment, err = dataset.Augmentations(*augment); err != nil {
			return o, err
		}
	}
	switch {
	case o.shard < 1:
		return o, cli.Usagef("data: -shard %d, want 1 or more", o.shard)
	case o.picture != "" && !strings.EqualFold(filepath.Ext(o.picture), ".png"):
		return o, cli.Usagef("data: -picture %s, want a file ending in .png", o.picture)
	case o.augment != nil && (o.picture == "" || o.suspects):
		return o, cli.Usagef("data: -augment without -picture, or with -suspects, want the file to draw, and classes on it")
	case o.exports < 0 || o.exports > 0 != (o.out != ""):
		return o, cli.Usagef("data: -export %d and -out %q, want a number of pictures and a folder for them, as in -export 10 -out digits", o.exports, o.out)
	case o.limit < 0:
		return o, cli.Usagef("data: -limit %d, want a number of samples, or 0 for all", o.limit)
	case o.folds < 2 || o.epochs < 1:
		return o, cli.Usagef("data: -folds %d and -epochs %d, want 2 or more and 1 or more", o.folds, o.epochs)
	case !(o.labelNoise >= 0 && o.labelNoise < 1):
		return o, cli.Usagef("data: -label-noise %g, want at least 0 and below 1", o.labelNoise)
	}
	if o.suspects {
		if _, err := modelzoo.Lookup(o.model); err != nil {
			return o, cli.Usagef("%v%s", err, cli.Meant(o.model, modelzoo.Names()))
		}
	}
	return o, nil
}

// Command is the command.
var Command = cli.Command{Name: "data", Doc: "look at a dataset, draw, check, export and pack it", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	if o.scenes != "" {
		return writeScenes(o, stdout)
	}
	clean, err := dataset.Open(o.images, o.name)
	if err != nil {
		return err
	}
	clean.Train, clean.Test = data.Limit(clean.Train, o.limit), data.Limit(clean.Test, o.limit)
	if clean, err = inspect.Pictures(ctx, clean, o.skipDamaged, stderr); err != nil {
		return err
	}
	d, err := data.LabelNoise(clean, o.labelNoise, o.seed)
	if err != nil {
		return err
	}
	labels, err := data.Labels(d.Train, d.Shape)
	if err != nil {
		return err
	}
	if err := summary(ctx, d, labels, stdout); err != nil {
		return err
	}
	switch {
	case o.suspects:
		if err := o.findSuspects(ctx, d, labels, clean, stdout, stderr); err != nil {
			return err
		}
	case o.picture != "":
		if err := o.draw(d, labels); err != nil {
			return err
		}
	}
	if o.exports > 0 {
		if err := o.export(ctx, d, stdout); err != nil {
			return err
		}
	}
	if o.pack != "" {
		return pack(ctx, d, o, stderr)
	}
	return nil
}

// writeScenes writes pictures to try things with.
func writeScenes(o options, stdout io.Writer) error {
	if _, err := os.Stat(o.scenes); err == nil {
		return fmt.Errorf("data: %s is there already, want a new folder for the pictures", o.scenes)
	}
	const each = 60
	if err := scenes.Write(o.scenes, scenes.Classes, each, o.seed); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "wrote %d pictures of %s to %s\n", each*len(scenes.Classes), strings.Join(scenes.Classes, ", "), o.scenes)
	return err
}

// summary prints the classes with their numbers of samples, and the statistics
// of the channels.
func summary(ctx context.Context, d data.Dataset, train []int, stdout io.Writer) error {
	test, err := data.Labels(d.Test, d.Shape)
	if err != nil {
		return err
	}
	parts := [][]int{train, test}
	head := "class\ttraining\ttest\t"
	if d.Validation != nil {
		validation, err := data.Labels(d.Validation, d.Shape)
		if err != nil {
			return err
		}
		parts, head = [][]int{train, validation, test}, "class\ttraining\tvalidation\ttest\t"
	}
	fmt.Fprintf(stdout, "%s: %d classes, images of (channels, height, width) = %s\n\n", cli.Plain(d.Name), len(d.Classes), cli.Shape(d.Shape))
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, count func(labels []int) int) {
		fmt.Fprintf(w, "%s\t", cli.Plain(name))
		for _, labels := range parts {
			fmt.Fprintf(w, "%d\t", count(labels))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, head)
	for class, name := range d.Classes {
		row(name, func(labels []int) (n int) {
			for _, l := range labels {
				if l == class {
					n++
				}
			}
			return n
		})
	}
	row("all", func(labels []int) int { return len(labels) })
	if err := w.Flush(); err != nil {
		return err
	}
	st, err := data.NewStats(ctx, d.Train, d.Shape)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\nmean %s and standard deviation %s of the training images, by channel\n", numbers(st.Mean), numbers(st.Deviation))
	return err
}

func numbers(v []float64) string {
	s := make([]string, len(v))
	for i := range v {
		s[i] = fmt.Sprintf("%.4f", v[i])
	}
	return strings.Join(s, ", ")
}

// draw writes the picture of samples.
func (o options) draw(d data.Dataset, labels []int) error {
	sheet, err := contactSheet(d, labels, o.seed, o.augment)
	if err != nil {
		return err
	}
	return weights.WriteFile(o.picture, func(w io.Writer) error { return png.Encode(w, sheet) })
}
