package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/onnx"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

// formats are the writers by the name that -to takes.
var formats = map[string]func(w io.Writer, m weights.Model, o options) error{
	"onnx": writeONNX,
	"npz": func(w io.Writer, m weights.Model, o options) error {
		return writeWeights(m, o, weights.File.EncodeNPZ, w)
	},
	"safetensors": func(w io.Writer, m weights.Model, o options) error { return writeWeights(m, o, weights.File.Encode, w) },
}

// options are the settings of some formats.
type options struct {
	logits, fold, half bool
}

func run(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("export", "-model DIR -to FORMAT -out FILE",
		"writes a trained network of the zoo in a format of other programs: "+formatNames(), stderr)
	model := f.String("model", "", "folder of a run, as in runs/cnn, or a model file, .safetensors or .npz")
	to := f.String("to", "onnx", "format: "+formatNames())
	out := f.String("out", "", "file to write")
	var o options
	f.BoolVar(&o.logits, "logits", false, "onnx: leave out the SoftMax behind the network")
	f.BoolVar(&o.half, "half", false, "npz, safetensors: round the weights to float16")
	f.BoolVar(&o.fold, "fold", false, "onnx: fold each BatchNorm into the layer before it")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if err := cli.NoArguments(f); err != nil {
		return err
	}
	write := formats[*to]
	switch {
	case *model == "":
		return cli.Usagef("export: no model, want -model DIR, as in -model runs/cnn")
	case *out == "":
		return cli.Usagef("export: no file to write, want -out FILE")
	case write == nil:
		return cli.Usagef("export: -to %s, want one of %s", *to, formatNames())
	case *to != "onnx" && (o.logits || o.fold) || *to == "onnx" && o.half:
		return cli.Usagef("export: -logits and -fold are for -to onnx, -half for the others")
	}
	m, err := load(*model)
	if err != nil {
		return err
	}
	if err := weights.WriteFile(*out, func(w io.Writer) error { return write(w, m, o) }); err != nil {
		return err
	}
	stat, err := os.Stat(*out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: %s as %s, %d bytes\n", *out, m.Name, *to, stat.Size())
	return err
}

func formatNames() string {
	var names []string
	for name := range formats {
		names = append(names, name)
	}
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
	f.Half = o.half
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
