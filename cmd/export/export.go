package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/gosource"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// files are the writers of one file by the name that -to takes.
var files = map[string]func(w io.Writer, m weights.Model, o options) error{
	"onnx": writeONNX,
	"npz": func(w io.Writer, m weights.Model, o options) error {
		return writeWeights(m, o, weights.File.EncodeNPZ, w)
	},
	"safetensors": func(w io.Writer, m weights.Model, o options) error { return writeWeights(m, o, weights.File.Encode, w) },
}

// folders are the formats that are more than a file.
var folders = map[string]func(m weights.Model, o options) ([]gosource.File, error){
	"go": goSource,
}

// options are the settings of some formats.
type options struct {
	logits, fold, half, int8 bool
	pkg                      string
}

// flagsOf lists the formats of the flags that are not for all.
var flagsOf = map[string][]string{
	"logits":  {"onnx"},
	"fold":    {"onnx"},
	"half":    {"npz", "safetensors"},
	"int8":    {"safetensors"},
	"data":    {"safetensors"},
	"package": {"go"},
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("export", "-model DIR -to FORMAT -out FILE",
		"writes a trained network of the zoo in a format of other programs: "+formatNames(), stderr)
	model := f.String("model", "", "folder of a run, as in runs/cnn, or a model file, .safetensors or .npz")
	to := f.String("to", "onnx", "format: "+formatNames())
	out := f.String("out", "", "file to write, for go a folder")
	var o options
	f.BoolVar(&o.logits, "logits", false, "onnx: leave out the SoftMax behind the network")
	f.BoolVar(&o.half, "half", false, "npz, safetensors: round the weights to float16")
	f.BoolVar(&o.int8, "int8", false, "safetensors: round the weights to int8, and print the accuracy before and after")
	set := f.String("data", "mnist", "safetensors, -int8: dataset on whose test part the accuracy is measured, or none")
	f.BoolVar(&o.fold, "fold", false, "onnx: fold each BatchNorm into the layer before it")
	f.StringVar(&o.pkg, "package", "main", "go: package to write; main is a program that classifies pictures")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if err := cli.NoArguments(f); err != nil {
		return err
	}
	switch {
	case *model == "":
		return cli.Usagef("export: no model, want -model DIR, as in -model runs/cnn")
	case *out == "":
		return cli.Usagef("export: no file to write, want -out FILE")
	case files[*to] == nil && folders[*to] == nil:
		return cli.Usagef("export: -to %s, want one of %s", *to, formatNames())
	}
	if err := checkFlags(f, *to); err != nil {
		return err
	}
	if o.half && o.int8 {
		return cli.Usagef("export: got both -half and -int8, want one of them")
	}
	m, err := load(*model)
	if err != nil {
		return err
	}
	size, err := write(m, *to, *out, o)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(stdout, "%s: %s as %s, %d bytes\n", *out, m.Name, *to, size); err != nil || !o.int8 || *set == "none" {
		return err
	}
	return reportLoss(ctx, m, *set, stdout)
}

// checkFlags refuses flags of other formats.
func checkFlags(f *flag.FlagSet, to string) (err error) {
	f.Visit(func(set *flag.Flag) {
		if formats := flagsOf[set.Name]; formats != nil && !slices.Contains(formats, to) {
			err = cli.Usagef("export: -logits and -fold are for -to onnx, -package for go, -int8 and -data for safetensors, -half for the others")
		}
	})
	return err
}

// write writes a model's file or folder and returns its size.
func write(m weights.Model, to, out string, o options) (size int64, err error) {
	if file := files[to]; file != nil {
		if err := weights.WriteFile(out, func(w io.Writer) error { return file(w, m, o) }); err != nil {
			return 0, err
		}
		stat, err := os.Stat(out)
		if err != nil {
			return 0, err
		}
		return stat.Size(), nil
	}
	list, err := folders[to](m, o)
	if err != nil {
		return 0, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return 0, err
	}
	for _, f := range list {
		whole := func(w io.Writer) error { _, err := w.Write(f.Content); return err }
		if err := weights.WriteFile(filepath.Join(out, f.Name), whole); err != nil {
			return 0, err
		}
		size += int64(len(f.Content))
	}
	return size, nil
}

func formatNames() string {
	names := append(slices.Collect(maps.Keys(files)), slices.Collect(maps.Keys(folders))...)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// load reads a run's folder, or a model file.
func load(path string) (weights.Model, error) {
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		path = filepath.Join(path, "model.safetensors")
	}
	if filepath.Ext(path) != ".npz" {
		return weights.LoadModel(path)
	}
	f, err := weights.LoadNPZ(path)
	if err != nil {
		return weights.Model{}, err
	}
	m, err := f.Model()
	if err != nil {
		return weights.Model{}, fmt.Errorf("export: %s: %w, as export -to npz writes it; weights.LoadNPZ reads other files", path, err)
	}
	return m, nil
}

// writeWeights writes a model's file by one of File's methods.
func writeWeights(m weights.Model, o options, encode func(weights.File, io.Writer) error, w io.Writer) error {
	f, err := m.File()
	if err != nil {
		return err
	}
	f.Half, f.Int8 = o.half, o.int8
	return encode(f, w)
}

// writeONNX writes the network with its name and classes as metadata.
func writeONNX(w io.Writer, m weights.Model, o options) error {
	spec, err := modelzoo.Lookup(m.Name)
	if err != nil {
		return err
	}
	classes, err := json.Marshal(m.Classes)
	if err != nil {
		return err
	}
	b, err := onnx.Options{
		Name: m.Name, Logits: o.logits, FoldBatchNorm: o.fold,
		Metadata: map[string]string{"model": m.Name, "classes": string(classes)},
	}.Export(spec.New(len(m.Classes)), m.Tensors, m.Input[:]...)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
