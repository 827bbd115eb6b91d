// Package infer is the command that says what a trained network sees in pictures, or
// measures it on a dataset.
package infer

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/cmd/internal/screen"
	"tapenet/cmd/internal/sheet"
)

// options are the command's flags.
type options struct {
	model, data, saliency string
	cam                   string
	output                string // of the file, or for features a value or layer
	similar, out          string
	features, mirror      bool
	top, batch            int
	maxPixels             int
	json, csv             bool
	args                  []string
}

// Command is the command.
var Command = cli.Command{Name: "infer", Doc: "say what is in pictures, or measure a model", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	if o.features || o.similar != "" {
		return extract(ctx, o, stdout, stderr)
	}
	n, err := load(o.model, o.output, o.batch)
	if err != nil {
		return err
	}
	n.maxPixels, n.shown = o.maxPixels, screen.Of(stdout) != nil
	cli.Notes(stderr, n.notes)
	if o.mirror {
		n = n.mirrored()
	}
	if o.data != "" {
		return evaluate(ctx, n, o.data, o.top, o.json, stdout, stderr)
	}
	return files(ctx, n, o, stdout, stderr)
}

func parse(args []string, stdout io.Writer) (o options, err error) {
	f := cli.Flags("infer", strings.Join([]string{
		"-model DIR [flags] FILE|FOLDER|PATTERN|-…",
		"-model DIR [flags] -data NAME|DIR",
		"-model DIR [flags] -features FILE|FOLDER|…",
		"-model DIR [flags] -similar FOLDER FILE|FOLDER|…"}, "\n"),
		"Says what is in pictures (- is standard input), or measures a model on a dataset's test part. A model that train -unknown has given a threshold may say \"none of these\". With -features or -similar it compares pictures by what a network makes of them.", stdout)
	f.StringVar(&o.model, "model", "", "folder of a run, as in runs/cnn, or a model file; several, with commas between, vote")
	f.StringVar(&o.data, "data", "", "evaluate on the test part of "+dataset.Usage)
	f.Names("data", dataset.Names...)
	f.IntVar(&o.top, "top", 3, "show so many classes of a picture; with -data, count a class that is among so many as found")
	f.BoolVar(&o.json, "json", false, "print JSON, a line for each file, with all classes")
	f.BoolVar(&o.csv, "csv", false, "print a table for spreadsheets, with all classes")

	f.Group("What the network looks at")
	f.StringVar(&o.cam, "cam", "", "draw over each picture, at its own size, where the network sees its class (Grad-CAM): in this PNG file, or each in a file of its own in this folder")
	f.StringVar(&o.saliency, "saliency", "", "draw the pictures, and beside each the pixels that mattered, in this PNG file")

	f.Group("Comparing pictures")
	f.StringVar(&o.similar, "similar", "", "find the pictures of this folder that are most similar, by the cosine of their features")
	f.BoolVar(&o.features, "features", false, "print the features of each picture: what the last Dense or convolution reads, or -output")
	f.StringVar(&o.out, "out", "", "with -features: write them into this .npy file, a row for each picture, and print the pictures' names")

	f.Group("How it is done")
	f.BoolVar(&o.mirror, "mirror", false, "take the mean over each picture and its mirror image, for things without left and right")
	f.IntVar(&o.batch, "batch", 0, "read so many images, and run them through the network, together: fewer take less memory (default 128, fewer of large pictures)")
	f.StringVar(&o.output, "output", "", "use this output of an ONNX file, not its first; with -features and -similar any value of the file, or a layer that zoo lists")
	cli.MaxPixels(f, &o.maxPixels)
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.args = f.Args()
	return o, o.check()
}

func (o options) check() error {
	if err := o.checkCAM(); err != nil {
		return err
	}
	switch {
	case o.top < 1:
		return cli.Usagef("infer: -top %d, want 1 or more", o.top)
	case o.batch < 0:
		return cli.Usagef("infer: -batch %d, want 1 or more, or 0 for the default", o.batch)
	case o.model == "":
		return cli.Usagef("infer: no model, want -model DIR, as in -model runs/cnn")
	case o.features || o.similar != "" || o.out != "":
		return o.checkFeatures()
	case o.data == "" && len(o.args) == 0:
		return cli.Usagef("infer: nothing to do, want picture files or -data")
	case o.data != "" && len(o.args) > 0:
		return cli.Usagef("infer: got both -data and files, want one of them")
	case o.json && o.csv:
		return cli.Usagef("infer: got both -json and -csv, want one of them")
	case o.data != "" && (o.csv || o.saliency != ""):
		return cli.Usagef("infer: -csv and -saliency are for files, not for -data")
	case o.saliency != "" && !strings.EqualFold(filepath.Ext(o.saliency), ".png"):
		return cli.Usagef("infer: -saliency %s, want a file ending in .png", o.saliency)
	case o.saliency != "" && !isFolder(filepath.Dir(o.saliency)):
		return cli.Usagef("infer: -saliency %s: there is no folder %s, want one to write into", o.saliency, filepath.Dir(o.saliency))
	}
	return nil
}

// checkFeatures holds the flags of -features and of -similar.
func (o options) checkFeatures() error {
	switch {
	case o.features && o.similar != "":
		return cli.Usagef("infer: got both -features and -similar, want one of them")
	case o.data != "" || o.saliency != "" || o.mirror:
		return cli.Usagef("infer: -features, -similar and -out go with none of -data, -saliency and -mirror")
	case o.out != "" && (!o.features || o.json || o.csv):
		return cli.Usagef("infer: -out is for -features without -json and -csv")
	case o.out != "" && !strings.EqualFold(filepath.Ext(o.out), ".npy"):
		return cli.Usagef("infer: -out %s, want a file ending in .npy", o.out)
	case o.out != "" && !isFolder(filepath.Dir(o.out)):
		return cli.Usagef("infer: -out %s: there is no folder %s, want one to write into", o.out, filepath.Dir(o.out))
	case o.json && o.csv || o.csv && o.similar != "":
		return cli.Usagef("infer: -csv goes with neither -json nor -similar")
	case o.similar != "" && !isFolder(o.similar):
		return cli.Usagef("infer: -similar %s, want a folder with pictures", o.similar)
	case len(o.args) == 0:
		return cli.Usagef("infer: nothing to do, want picture files")
	case strings.Contains(o.model, ","):
		return cli.Usagef("infer: features of several models, want one")
	}
	return nil
}

func isFolder(name string) bool {
	s, err := os.Stat(name)
	return err == nil && s.IsDir()
}

// files prints what is in the pictures, and draws the sheet if there is to be
// one.
func files(ctx context.Context, n network, o options, stdout, stderr io.Writer) error {
	list, notes := sources(o.args)
	cli.Notes(stderr, notes)
	show := printer(stdout, o, n.classes, n.judges)
	switch {
	case o.cam != "":
		c, err := newCAM(n, o, len(list))
		if err != nil {
			return err
		}
		n.batch, n.pictures = 1, true // three whole pictures in memory, and one for each processor
		return classify(ctx, n, list, func(results []result) error {
			if err := c.add(results); err != nil {
				return err
			}
			return show(results)
		}, stderr)
	case o.saliency == "":
		return classify(ctx, n, list, show, stderr)
	}
	if n.single == nil {
		return cli.Usagef("infer: -saliency of several models, want one")
	}
	if len(list) > sheet.Max {
		return cli.Usagef("infer: %d files, -saliency draws at most %d", len(list), sheet.Max)
	}
	s := &saliencySheet{p: n.single}
	err := classify(ctx, n, list, func(results []result) error {
		if err := s.add(results); err != nil {
			return err
		}
		return show(results)
	}, stderr)
	return errors.Join(err, s.save(o.saliency))
}
