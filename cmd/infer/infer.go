package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/infer"
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("infer", "-model DIR [-top N] [-json] FILE…\n       infer -model DIR [-top N] [-json] -data DIR|mnist",
		"says what is in PNG, JPEG or GIF pictures, or measures a model on a dataset's test part", stderr)
	model := f.String("model", "", "folder of a run, as in runs/cnn, or a model file")
	set := f.String("data", "", "evaluate on this dataset: mnist, or a folder with four IDX files")
	top := f.Int("top", 3, "show so many classes of a picture; with -data, count a class that is among so many as found")
	asJSON := f.Bool("json", false, "print JSON, a line for each file, with all classes")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	for _, file := range f.Args() {
		if strings.HasPrefix(file, "-") {
			return cli.Usagef("infer: %s after a file, want flags first; a file of that name is ./%[1]s", file)
		}
	}
	switch {
	case *top < 1:
		return cli.Usagef("infer: -top %d, want 1 or more", *top)
	case *model == "":
		return cli.Usagef("infer: no model, want -model DIR, as in -model runs/cnn")
	case *set == "" && f.NArg() == 0:
		return cli.Usagef("infer: nothing to do, want picture files or -data")
	case *set != "" && f.NArg() > 0:
		return cli.Usagef("infer: got both -data and files, want one of them")
	}
	p, err := infer.Load(*model)
	if err != nil {
		return err
	}
	if *set != "" {
		return evaluate(ctx, p, *set, *top, *asJSON, stdout)
	}
	show := func(r result) error { _, err := fmt.Fprintln(stdout, r.line(p.Classes, *top)); return err }
	if *asJSON {
		show = func(r result) error { return json.NewEncoder(stdout).Encode(r) }
	}
	return classify(ctx, p, f.Args(), show, stderr)
}

// classify shows what is in each file. One that can't be read doesn't stop the
// others.
func classify(ctx context.Context, p *infer.Predictor, files []string, show func(result) error, stderr io.Writer) error {
	failed := 0
	for i, name := range files {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("infer: stopped after %d of %d files: %w", i, len(files), err)
		}
		r, err := classifyFile(p, name)
		if err != nil {
			failed++
			fmt.Fprintf(stderr, "%s: %v\n", name, err)
			continue
		}
		if err := show(r); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("infer: %d of %d files could not be classified", failed, len(files))
	}
	return nil
}

// result is what is printed of one file.
type result struct {
	File          string    `json:"file"`
	Class         string    `json:"class"`
	Probabilities []float32 `json:"probabilities"`
}

func classifyFile(p *infer.Predictor, name string) (result, error) {
	f, err := os.Open(name)
	if err != nil {
		return result{}, errors.Unwrap(err)
	}
	defer f.Close()
	img, err := infer.DecodeImage(f)
	if err != nil {
		return result{}, err
	}
	pixels, err := p.Pixels(img)
	if err != nil {
		return result{}, err
	}
	predictions, err := p.Predict([][]float32{pixels})
	if err != nil {
		return result{}, err
	}
	return result{name, predictions[0].Label, predictions[0].Probabilities}, nil
}

// line is the file, its class, and the most probable classes with their
// probabilities.
func (r result) line(classes []string, top int) string {
	order := ranking(r.Probabilities)
	shown := make([]string, min(top, len(order)))
	for i := range shown {
		shown[i] = fmt.Sprintf("%s: %.1f %%", classes[order[i]], 100*r.Probabilities[order[i]])
	}
	return fmt.Sprintf("%s: %s  (%s)", r.File, r.Class, strings.Join(shown, ", "))
}

// ranking lists the classes, the most probable ones first.
func ranking(probabilities []float32) []int {
	order := make([]int, len(probabilities))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(probabilities[b], probabilities[a]) })
	return order
}
