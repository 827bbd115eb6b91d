// Package export is the command that writes a trained network in formats of other
// programs.
package export

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/graph"
	"tapenet/graph/gosource"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
	"tapenet/train/data"
)

// files are the writers of one file by the name that -to takes.
var files = map[string]func(w io.Writer, n opened, o options) error{
	"onnx": writeONNX,
	"npz": func(w io.Writer, n opened, o options) error {
		return writeWeights(n, o, weights.File.EncodeNPZ, w)
	},
	"safetensors": func(w io.Writer, n opened, o options) error { return writeWeights(n, o, weights.File.Encode, w) },
}

// folders are the formats that are more than a file.
var folders = map[string]func(ctx context.Context, n opened, o options) ([]gosource.File, error){
	"go":   func(_ context.Context, n opened, o options) ([]gosource.File, error) { return goSource(n, o) },
	"page": page,
}

// options are the command's flags.
type options struct {
	model, to, out, data     string
	logits, fold, half, int8 bool
	preprocess               bool
	maxPixels                int
	pkg                      string
}

// flagsOf lists the formats of the flags that are not for all.
var flagsOf = map[string][]string{
	"logits":     {"onnx"},
	"fold":       {"onnx"},
	"preprocess": {"onnx"},
	"half":       {"npz", "safetensors"},
	"int8":       {"safetensors"},
	"data":       {"safetensors"},
	"package":    {"go"},
}

// Command is the command.
var Command = cli.Command{Name: "export", Doc: "write a model for other programs", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	n, err := load(o.model)
	if err != nil {
		return err
	}
	measure := o.int8 && o.data != "none"
	var test data.Dataset
	if measure {
		if o.data == "" {
			o.data = dataset.OfRun(o.model)
		}
		if o.data == "" {
			return cli.Usagef("export: -int8 measures the accuracy, and %s does not say what it was trained on: want -data NAME, as in -data mnist, or -data none", o.model)
		}
		if test, err = testPart(n, o.data, o.maxPixels, stderr); err != nil {
			return err
		}
	}
	size, err := write(ctx, n, o)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(stdout, "%s: %s as %s, %d bytes\n", o.out, cli.Plain(n.Title()), o.to, size); err != nil {
		return err
	}
	if n.Unknown != nil && !slices.Contains(flagsOf["half"], o.to) {
		if _, err = fmt.Fprintf(stdout, "without the model's threshold for images of none of its classes, which %s have\n", strings.Join(flagsOf["half"], " and ")); err != nil {
			return err
		}
	}
	if !measure {
		return nil
	}
	return reportLoss(ctx, n, test, stdout, stderr)
}

func parse(args []string, stdout io.Writer) (o options, err error) {
	f := cli.Flags("export", "-model DIR -to FORMAT -out FILE [flags]",
		"Writes a trained network, of the zoo or from elsewhere, in a format of other programs: "+strings.Join(formatNames(), ", ")+".", stdout)
	f.StringVar(&o.model, "model", "", "folder of a run, as in runs/cnn, or a model file: .safetensors, .npz, .onnx, .keras, .h5, model.json")
	f.StringVar(&o.to, "to", "onnx", "format: "+strings.Join(formatNames(), ", "))
	f.OneOf("to", formatNames()...)
	f.StringVar(&o.out, "out", "", "file to write, for go and page a folder")

	f.Group("Of single formats")
	f.BoolVar(&o.preprocess, "preprocess", false, "onnx: put what a picture goes through into the graph: its input is then pictures, (batch,height,width,3) bytes of any size")
	f.BoolVar(&o.logits, "logits", false, "onnx: leave out the SoftMax behind the network")
	f.BoolVar(&o.fold, "fold", false, "onnx: fold each BatchNorm into the layer before it")
	f.BoolVar(&o.half, "half", false, "npz, safetensors: round the weights to float16")
	f.BoolVar(&o.int8, "int8", false, "safetensors: round the weights to int8, and print the accuracy before and after")
	f.StringVar(&o.data, "data", "", "safetensors, -int8: dataset on whose test part the accuracy is measured, or none (default what the run was trained on)")
	f.Names("data", append([]string{"none"}, dataset.Names...)...)
	cli.MaxPixels(f, &o.maxPixels)
	f.StringVar(&o.pkg, "package", "main", "go: package to write; main is a program that classifies pictures")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if err := f.NoArguments(); err != nil {
		return o, err
	}
	switch {
	case o.model == "":
		return o, cli.Usagef("export: no model, want -model DIR, as in -model runs/cnn")
	case o.out == "":
		return o, cli.Usagef("export: no file to write, want -out FILE")
	case o.half && o.int8:
		return o, cli.Usagef("export: got both -half and -int8, want one of them")
	}
	return o, checkFlags(f, o.to)
}

// checkFlags refuses flags of other formats.
func checkFlags(f *cli.FlagSet, to string) (err error) {
	f.Visit(func(set *flag.Flag) {
		if formats := flagsOf[set.Name]; err == nil && formats != nil && !slices.Contains(formats, to) {
			err = cli.Usagef("export: -%s is for -to %s, not for %s", set.Name, strings.Join(formats, " and "), to)
		}
	})
	return err
}

// write writes a model's file or folder and returns its size.
func write(ctx context.Context, n opened, o options) (size int64, err error) {
	if file := files[o.to]; file != nil {
		if err := weights.WriteFile(o.out, func(w io.Writer) error { return file(w, n, o) }); err != nil {
			return 0, err
		}
		stat, err := os.Stat(o.out)
		if err != nil {
			return 0, err
		}
		return stat.Size(), nil
	}
	list, err := folders[o.to](ctx, n, o)
	if err != nil {
		return 0, err
	}
	return writeFolder(o.out, list)
}

// writeFolder writes files into a folder and returns their size.
func writeFolder(dir string, files []gosource.File) (size int64, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	if err := onePackage(dir, files); err != nil {
		return 0, err
	}
	for _, f := range files {
		whole := func(w io.Writer) error { _, err := w.Write(f.Content); return err }
		if err := weights.WriteFile(filepath.Join(dir, f.Name), whole); err != nil {
			return 0, err
		}
		size += int64(len(f.Content))
	}
	return size, nil
}

func formatNames() []string {
	names := append(slices.Collect(maps.Keys(files)), slices.Collect(maps.Keys(folders))...)
	slices.Sort(names)
	return names
}

// writeWeights writes a model's file by one of File's methods.
func writeWeights(n opened, o options, encode func(weights.File, io.Writer) error, w io.Writer) error {
	f, err := n.file()
	if err != nil {
		return err
	}
	f.Half, f.Int8 = o.half, o.int8
	return encode(f, w)
}

// writeONNX writes the network with its name and classes as metadata.
func writeONNX(w io.Writer, n opened, o options) error {
	layer, err := n.Network()
	if err != nil {
		return err
	}
	metadata, err := n.Metadata(o.preprocess)
	if err != nil {
		return err
	}
	e := onnx.Options{
		Name: n.Title(), Logits: o.logits || !n.SoftMax, FoldBatchNorm: o.fold, Metadata: metadata, Temperature: n.Temperature,
	}
	if n.Thresholds != nil && !o.logits {
		layer = graph.Sequential{layer, graph.Sigmoid}
	}
	if o.preprocess {
		e.Preprocessing = &n.Preprocessing
	}
	b, err := e.Export(layer, n.Tensors, n.Sample...)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
