package search

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// dots are images of 2×2 pixels, of the class of their brightest one, and noise.
type dots int

func (n dots) Len() int { return int(n) }

func (n dots) Read(i int, x []float32) (int, error) {
	for k := range x {
		x[k] = float32(i * (k + 7) % 11)
	}
	x[i%4] += 4
	return i % 4, nil
}

// small is the command train with a network of one layer and a few images, in this
// process. calls, if not nil, is told of every call that trains.
func small(calls func(args []string)) trainer {
	return func(ctx context.Context, stdout io.Writer, args ...string) error {
		f := flag.NewFlagSet("train", flag.ContinueOnError)
		lr, batch := f.Float64("lr", 0.01, ""), f.Int64("batch", 32, "")
		epochs, until := f.Int64("epochs", 4, ""), f.Int("until", 0, "")
		patience, val := f.Int64("patience", 0, ""), f.Float64("val", 0, "")
		out, show := f.String("out", "", ""), f.Bool("settings", false, "")
		resume := f.Bool("resume", false, "")
		f.Bool("json", false, "")
		f.Bool("report", true, "")
		if err := f.Parse(args); err != nil {
			return err
		}
		if *lr < 0 {
			return cli.Usagef("train: -lr %g, want a positive number", *lr)
		}
		all := settings{"lr": *lr, "batch": *batch, "epochs": *epochs, "patience": *patience, "val": *val, "data": "mnist", "unfreeze": "", "lanes": 0}
		if *show {
			return toml.NewEncoder(stdout).Encode(all)
		}
		if calls != nil {
			calls(args)
		}
		c := train.Config{
			Epochs: int(*epochs), Batch: int(*batch), Optimizer: train.SGD{LR: *lr}, Schedule: train.Cosine{}, Patience: int(*patience),
			Dir: *out, Resume: *resume, Until: *until,
			Callbacks: []train.Callback{train.EpochFunc(func(*graph.Network, train.Epoch) error { fmt.Fprintln(stdout, "{}"); return nil })},
		}
		d := data.Dataset{Name: "dots", Shape: [3]int{1, 2, 2}, Classes: []string{"a", "b", "c", "d"}, Train: dots(64), Test: dots(40), HeldOut: *val > 0}
		_, err := train.Fit(ctx, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 4}}, d, c)
		var b bytes.Buffer
		return errors.Join(err, toml.NewEncoder(&b).Encode(all), os.WriteFile(filepath.Join(*out, configFile), b.Bytes(), 0o644))
	}
}

const smallSpace = `
lr = {min = 1e-3, max = 0.5, scale = "log"}
batch = [8, 16, 32]
`

func tableOf(t *testing.T, dir string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, tableFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i] = rows[i][:len(rows[i])-1] // the folder
	}
	return rows
}

// TestSearch: a search that is stopped again and again comes to the table of one that is
// not, repeats no epoch, and its survivors are those of uninterrupted runs.
func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		name  string
		o     options
		calls int // of train, without a stop
	}{
		{"random", options{count: 3, seed: 1}, 3},
		{"halving", options{count: 9, halving: 3, seed: 1, flags: []string{"-epochs", "9"}}, 9 + 3 + 1},
		{"few epochs", options{count: 4, halving: 2, seed: 2, flags: []string{"-epochs=2"}}, 4 + 2},
		{"patience", options{count: 4, halving: 2, seed: 1, flags: []string{"-patience", "1", "-epochs", "8"}}, 4 + 2 + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.o
			o.file, o.out = file(t, smallSpace), filepath.Join(t.TempDir(), "whole")
			calls := 0
			var text bytes.Buffer
			if err := o.search(t.Context(), small(func([]string) { calls++ }), &text); err != nil {
				t.Fatal(err)
			}
			if calls > tt.calls || tt.name != "patience" && calls != tt.calls {
				t.Errorf("%d calls of train, want %d", calls, tt.calls)
			}
			want, whole := tableOf(t, o.out), o.out
			if len(want) != o.count+1 || !slices.Equal(want[0], []string{"rank", "batch", "lr", "epochs_trained", "val_loss", "val_accuracy"}) {
				t.Fatalf("table %q, want a line for each of %d trials", want, o.count)
			}
			drawn(t, o.out, "batch", "lr", "validation accuracy", "the best: ")

			o.out = filepath.Join(t.TempDir(), "parts")
			for stops := 0; ; stops++ {
				ctx, cancel := context.WithCancel(t.Context())
				err := o.search(ctx, stopsMidway(small(nil), cancel), &bytes.Buffer{})
				cancel()
				if err == nil {
					break
				}
				if stops > 40 || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "; the same command goes on") {
					t.Fatalf("error %v after %d stops, want that it was stopped", err, stops)
				}
			}
			if got := tableOf(t, o.out); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("table %q, want %q", got, want)
			}
			best := bestDir(t, &text)
			if err := small(nil)(t.Context(), io.Discard, append(bestArgs(want[0], want[1]), append(o.flags, "-val", "0.1", "-out", filepath.Join(whole, "again"))...)...); err != nil {
				t.Fatal(err)
			}
			a, err := os.ReadFile(filepath.Join(best, train.ModelFile))
			b, err2 := os.ReadFile(filepath.Join(whole, "again", train.ModelFile))
			if err != nil || err2 != nil || !bytes.Equal(a, b) {
				t.Errorf("the best model is not that of an uninterrupted run (%v, %v)", err, err2)
			}

			var again bytes.Buffer
			o.out = whole
			none := small(func(args []string) { t.Errorf("trains again with %q", args) })
			if err := o.search(t.Context(), none, &again); err != nil || tailOf(again.String()) != tailOf(text.String()) {
				t.Errorf("error %v and\n%s, want the same table\n%s", err, again.String(), text.String())
			}
		})
	}
}

// stopsMidway cancels a run of train in the middle, after the fourth line of all calls.
func stopsMidway(t trainer, cancel func()) trainer {
	lines := 0
	return func(ctx context.Context, stdout io.Writer, args ...string) error {
		if slices.Contains(args, "-settings") {
			return t(ctx, stdout, args...)
		}
		return t(ctx, writer(func() {
			if lines++; lines == 4 {
				cancel()
			}
		}), args...)
	}
}

type writer func()

func (w writer) Write(b []byte) (int, error) { w(); return len(b), nil }

// tailOf is a search's text from its table on.
func tailOf(text string) string { _, tail, _ := strings.Cut(text, "\nrank"); return tail }

// bestDir is the folder of the best model, as the text says it.
func bestDir(t *testing.T, text fmt.Stringer) string {
	t.Helper()
	_, rest, _ := strings.Cut(text.String(), "the best model is in ")
	dir, _, found := strings.Cut(rest, ";")
	if !found || !strings.Contains(rest, "go run ./cmd/train -config "+filepath.Join(dir, configFile)+" -val 0\n") {
		t.Fatalf("text %q, want the best model and how to train it whole", text)
	}
	return dir
}

// bestArgs are the flags of a row of the table.
func bestArgs(head, row []string) (args []string) {
	for i, name := range head {
		if known[name] != nil {
			args = append(args, "-"+name, row[i])
		}
	}
	return args
}

// drawn fails unless the plot is a drawing with some texts.
func drawn(t *testing.T, dir string, want ...string) {
	t.Helper()
	svg, err := os.ReadFile(filepath.Join(dir, plotFile))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range want {
		if !strings.Contains(string(svg), text) {
			t.Errorf("no %q in the drawing", text)
		}
	}
}

// TestDiverged: a trial that diverges is last, is not repeated, and does not end the
// search unless all do.
func TestDiverged(t *testing.T) {
	o := options{file: file(t, "lr = [1e38, 0.1, 1e37]"), out: t.TempDir(), count: 3, halving: 2, seed: 1}
	var text bytes.Buffer
	if err := o.search(t.Context(), small(nil), &text); err != nil {
		t.Fatal(err)
	}
	rows := tableOf(t, o.out)
	if rows[1][1] != "0.1" || rows[3][3] != "" || strings.Count(text.String(), "diverged\n") != 2 {
		t.Errorf("table %q after %q, want 0.1 first and two that diverged", rows, text.String())
	}
	drawn(t, o.out, "diverged", "trained for 4 of 4 epochs")
	none := small(func(args []string) { t.Errorf("trains again with %q", args) })
	if err := o.search(t.Context(), none, io.Discard); err != nil || fmt.Sprint(tableOf(t, o.out)) != fmt.Sprint(rows) {
		t.Errorf("again: error %v, want the same table", err)
	}
	o.file, o.out = file(t, "lr = [1e38, 1e37]"), t.TempDir()
	if err := o.search(t.Context(), small(nil), io.Discard); err == nil || !strings.Contains(err.Error(), "all 2 trials diverged, want lower learning rates in ") {
		t.Errorf("error %v, want that all diverged", err)
	}
}

// TestDivergedLate: the next best takes the place of a trial that diverges in a later rung,
// and a search that goes on after that judges it in the earlier rungs as before.
func TestDivergedLate(t *testing.T) {
	o := options{file: file(t, smallSpace), out: t.TempDir(), count: 4, halving: 2, seed: 1}
	whole, late := small(nil), 0
	diverges := func(ctx context.Context, w io.Writer, args ...string) error {
		last := args[len(args)-1] == "-resume" && !strings.HasPrefix(args[len(args)-2], "-until")
		if late++; last && late > 0 {
			late = -1000 // once
			return errors.New(diverged + "the loss is NaN")
		}
		return whole(ctx, w, args...)
	}
	var text bytes.Buffer
	if err := o.search(t.Context(), diverges, &text); err != nil {
		t.Fatal(err)
	}
	rows := tableOf(t, o.out)
	if rows[1][3] != "4" || rows[4][3] != "2" || rows[4][4] != "" || strings.Count(text.String(), "diverged\n") != 1 {
		t.Errorf("table %q, want one with all epochs and one that diverged in the third", rows)
	}
	var again bytes.Buffer
	none := small(func(args []string) { t.Errorf("trains again with %q", args) })
	if err := o.search(t.Context(), none, &again); err != nil || again.String() != text.String() {
		t.Errorf("error %v and\n%s, want what was printed before,\n%s", err, again.String(), text.String())
	}
}

func TestRefused(t *testing.T) {
	earlier := options{file: file(t, "lr = [0.1, 0.2]"), out: t.TempDir(), count: 2, seed: 1}
	if err := earlier.search(t.Context(), small(nil), io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		space string
		edit  func(*options)
		usage bool
		want  string
	}{
		{"twice", "lr = [0.1, 0.2]", func(o *options) { o.flags = []string{"--lr=3"} }, true, "search: -lr behind -- and lr in "},
		{"epochs in halving", "epochs = [1, 2]", func(o *options) { o.halving = 2 }, false, "epochs with -halving, which divides them, want it behind --, as in -- -epochs 27"},
		{"value", "lr = [0.1, -0.2]", func(*options) {}, true, "search: a trial with -lr=-0.2: train: -lr -0.2, want a positive number"},
		{"another search", "lr = [0.3, 0.4]", func(o *options) { o.out = earlier.out }, false, " is of another search: its lr is 0."},
		{"no settings", "lr = [0.1, 0.2]", func(o *options) {
			o.out = t.TempDir()
			os.MkdirAll(filepath.Join(o.out, "01"), 0o755)
			os.WriteFile(filepath.Join(o.out, "01", train.CheckpointFile), nil, 0o644)
		}, false, "01 holds a run already, but "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options{file: file(t, tt.space), out: t.TempDir(), count: 2, seed: 1}
			tt.edit(&o)
			err := o.search(t.Context(), small(func(args []string) { t.Errorf("trains with %q", args) }), io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) || errors.As(err, new(cli.UsageError)) != tt.usage {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "search: no -space, want a TOML file of settings"},
		{[]string{"-space", "x", "-trials", "0"}, "search: -trials 0, want 1 to 1000"},
		{[]string{"-space", "x", "-halving", "1"}, "search: -halving 1, want 2 or more, or 0 for all epochs"},
		{[]string{"-space", "x", "--", "-out=y"}, "search: -out behind --, want other flags of train"},
		{[]string{"-space", "x", "--", "--help"}, "search: -help behind --, want other flags of train"},
		{[]string{"-space", "nowhere", "x"}, "search: space: open nowhere: "},
		{[]string{"-lr", "1"}, "search: no flag -lr"},
	} {
		err := run(t.Context(), tt.args, io.Discard, io.Discard)
		if usage := errors.As(err, new(cli.UsageError)); err == nil || usage == strings.Contains(tt.want, "open") || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.args, err, tt.want)
		}
	}
}

// TestHoldOut: images are held out unless the flags or the dataset say which.
func TestHoldOut(t *testing.T) {
	if got, err := holdOut(settings{"val": 0.2, "data": "mnist"}); got != nil || err != nil {
		t.Errorf("%q and %v, want no flag beside -val", got, err)
	}
	if got, err := holdOut(settings{"val": 0.0, "data": "mnist"}); !slices.Equal(got, []string{"-val=0.1"}) || err != nil {
		t.Errorf("%q and %v, want a tenth", got, err)
	}
	photos := filepath.Join(t.TempDir(), "photos")
	for _, part := range []string{"train", "val", "test"} {
		for _, class := range []string{"a", "b"} {
			picture(t, filepath.Join(photos, part, class, "1.png"))
		}
	}
	if got, err := holdOut(settings{"val": 0.0, "data": photos}); got != nil || err != nil {
		t.Errorf("%q and %v, want no flag for a folder with a validation part", got, err)
	}
	unheld := small(nil)
	o := options{file: file(t, "lr = [0.1, 0.2]"), out: t.TempDir(), count: 1, seed: 1, flags: []string{"-val", "0.1"}}
	test := func(ctx context.Context, w io.Writer, args ...string) error {
		return unheld(ctx, w, append(args, "-val", "0")...)
	}
	if err := o.search(t.Context(), test, io.Discard); err == nil || !strings.Contains(err.Error(), "was evaluated on the test part") {
		t.Errorf("error %v, want one for a run that looks at the test part", err)
	}
}

// picture writes a picture.
func picture(t *testing.T, path string) {
	t.Helper()
	var b bytes.Buffer
	err := errors.Join(png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))), os.MkdirAll(filepath.Dir(path), 0o755))
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
