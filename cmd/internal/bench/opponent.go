package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"tapenet/graph"
	"tapenet/graph/onnx"
)

// The other engines.
const (
	againstONNXRuntime = "onnxruntime"
	againstPyTorch     = "pytorch"
)

var againstNames = []string{againstONNXRuntime, againstPyTorch}

//go:embed onnxruntime.js
var onnxruntimeScript []byte

//go:embed pytorch.py
var pytorchScript []byte

// opponent is another engine: a script that is a side of measurements, see process.
type opponent struct {
	name     string
	engine   string   // as it calls itself, with its version
	command  []string // the interpreter and the script
	dir      string   // for files that both sides read
	variants func(c combination) []string

	files map[string]string // that are in dir, by what is in them
}

// newOpponent looks for an engine. The error says in one line what is missing and how
// to get it. The caller removes dir at the end.
func newOpponent(ctx context.Context, name, dir string) (*opponent, error) {
	r := &opponent{name: name, dir: dir, files: map[string]string{}}
	var interpreter, file string
	var script []byte
	var err error
	switch name {
	case againstONNXRuntime:
		file, script, r.variants = "onnxruntime.js", onnxruntimeScript, onnxruntimeVariants
		interpreter, err = findNode()
	case againstPyTorch:
		file, script, r.variants = "pytorch.py", pytorchScript, pytorchVariants
		interpreter, err = findPython(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("bench: -against %s: %w", name, err)
	}
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, script, 0o600); err != nil {
		return nil, fmt.Errorf("bench: -against %s: %w", name, err)
	}
	r.command = []string{interpreter, path}
	p, err := start(r.script(ctx, "-version"))
	if err != nil {
		return nil, fmt.Errorf("bench: -against %s: %w", name, err)
	}
	r.engine = p.started.Engine
	return r, p.end()
}

// script is a run of the engine's script.
func (r *opponent) script(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, r.command[0], append(r.command[1:], args...)...)
	if r.name == againstONNXRuntime {
		c.Env = append(os.Environ(), "NODE_PATH="+nodePath())
	}
	return c
}

// nodePath is where Node.js looks for packages: as it does for a script in the
// working directory.
func nodePath() string {
	paths := []string{os.Getenv("NODE_PATH")}
	if dir, err := os.Getwd(); err == nil {
		paths = append(paths, filepath.Join(dir, "node_modules"))
	}
	return strings.Trim(strings.Join(paths, string(os.PathListSeparator)), string(os.PathListSeparator))
}

func findNode() (string, error) {
	for _, name := range []string{"node", "nodejs"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no command node, want Node.js: apt-get install nodejs")
}

// findPython returns the first Python that has PyTorch. The system's may have it
// where another one comes first in the path.
func findPython(ctx context.Context) (string, error) {
	const search = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
	found := false
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		found = true
		if exec.CommandContext(ctx, path, "-c", search).Run() == nil {
			return path, nil
		}
	}
	if !found {
		return "", errors.New("there is no command python3, want Python with PyTorch: apt-get install python3-torch python3-torchvision")
	}
	return "", errors.New("python3 has no module torch, want PyTorch: apt-get install python3-torch python3-torchvision")
}

func onnxruntimeVariants(combination) []string { return []string{""} }

// pytorchVariants are what there is to try: formats of memory, for inference a
// frozen TorchScript too, and with several threads each of them spinning and
// sleeping between two pieces of work.
func pytorchVariants(c combination) []string {
	formats := []string{"channels_last", "contiguous"}
	if c.Mode == modeInfer {
		formats = append(formats, "frozen_channels_last", "frozen")
	}
	if c.Threads == 1 {
		return formats
	}
	var all []string
	for _, f := range formats {
		all = append(all, f, f+"/passive")
	}
	return all
}

// start starts the engine on what our side has begun, in one of its variants.
func (r *opponent) start(ctx context.Context, o options, c combination, variant string, ours started) (*process, error) {
	pool, err := r.pool(ours)
	if err != nil {
		return nil, err
	}
	args := []string{
		"-batch", strconv.Itoa(c.Batch), "-threads", strconv.Itoa(c.Threads), "-input", dimensions(ours.Input), "-images", pool,
	}
	if r.name == againstONNXRuntime {
		file, err := r.file(o, c.Model)
		if err != nil {
			return nil, err
		}
		if ours.OutputName != "" {
			args = append(args, "-output", ours.OutputName)
		}
		return start(r.script(ctx, append(args, "-model", file)...))
	}
	args = append(args, "-model", title(c.Model), "-mode", c.Mode, "-variant", variant, "-classes", strconv.Itoa(ours.Classes))
	if isFile(c.Model) {
		args = append(args, "-file")
	}
	if isFile(c.Model) && c.Mode == modeInfer {
		args = append(args, "-logits") // the parameters may be others, where BatchNorm is folded
	} else {
		args = append(args, "-parameters", strconv.Itoa(ours.Parameters))
	}
	return start(r.script(ctx, args...))
}

// pool returns a file with the images that our side works on: all pixels in
// bytes, then the labels in two bytes each.
func (r *opponent) pool(s started) (string, error) {
	what := fmt.Sprintf("images of %s in %d classes", dimensions(s.Input), s.Classes)
	return r.make(what, fmt.Sprintf("images-%d.bin", len(r.files)), func() ([]byte, error) {
		p, err := newImages(s.Input, s.Classes)
		if err != nil {
			return nil, err
		}
		file := p.pixels
		for _, label := range p.labels {
			file = append(file, byte(label), byte(label>>8))
		}
		return file, nil
	})
}

// file returns an ONNX file of a network: its own, or one that is exported, with
// the probabilities behind it that our side computes too.
func (r *opponent) file(o options, model string) (string, error) {
	if filepath.Ext(model) == ".onnx" {
		return filepath.Abs(model)
	}
	return r.make(model, fmt.Sprintf("network-%d.onnx", len(r.files)), func() ([]byte, error) {
		n, err := o.size.open(model)
		if err != nil {
			return nil, err
		}
		net, err := graph.NewNetwork(n.layer, n.input, graph.Options{Seed: seed, Weights: &graph.Weights{From: n.tensors}})
		if err != nil {
			return nil, err
		}
		return onnx.Options{Logits: n.asItIs}.Export(n.layer, net.Weights.Map(), n.input...)
	})
}

// make returns a file of dir, which it writes when it is first asked for.
func (r *opponent) make(what, name string, content func() ([]byte, error)) (string, error) {
	if path := r.files[what]; path != "" {
		return path, nil
	}
	file, err := content()
	if err != nil {
		return "", err
	}
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return "", err
	}
	r.files[what] = path
	return path, nil
}
