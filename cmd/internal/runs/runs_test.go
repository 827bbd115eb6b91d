package runs

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// command runs the command.
func command(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// pixels are made-up images (1,1,2) of two classes: the brighter one is the class.
type pixels struct{}

func (pixels) Len() int { return 40 }

func (pixels) Read(i int, x []float32) (class int, err error) {
	x[0], x[1] = 0.5, float32(i%7)/7
	if x[1] > x[0] {
		return 1, nil
	}
	return 0, nil
}

// folder has two runs, of three epochs and of one, and what is no run: a file,
// an empty folder, a run in a folder of a folder.
func folder(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	d := data.Dataset{Name: "pixels", Shape: [3]int{1, 1, 2}, Classes: []string{"left", "right"}, Train: pixels{}, Test: pixels{}}
	for i, name := range []string{"a", "b <&> c", filepath.Join("deep", "er")} {
		c := train.Config{Epochs: 3 - 2*(i%2), Seed: uint64(i), Model: "tiny", Optimizer: train.SGD{LR: 0.5}, Dir: filepath.Join(dir, name)}
		if _, err := train.Fit(t.Context(), graph.Sequential{graph.Flatten{}, graph.Dense{Units: 2}}, d, c); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o644), os.Mkdir(filepath.Join(dir, "empty"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTable(t *testing.T) {
	dir := folder(t)
	out, errs, err := command(t, dir)
	if err != nil || errs != "" {
		t.Fatalf("error %v, stderr %q", err, errs)
	}
	want := regexp.MustCompile(`^run +model +parameters +dataset +epochs +evaluated on +accuracy, best epoch +last +time +seed
` + regexp.QuoteMeta(filepath.Join(dir, "a")) + ` +tiny +6 +pixels +3 +test +[01]\.\d{4} in [123] +[01]\.\d{4} +\d+m?s +0
` + regexp.QuoteMeta(filepath.Join(dir, "b <&> c")) + ` +tiny +6 +pixels +1 +test +[01]\.\d{4} in 1 +[01]\.\d{4} +\d+m?s +1
$`)
	if !want.MatchString(out) {
		t.Errorf("printed\n%s\nwant\n%s", out, want)
	}
	one, _, err := command(t, filepath.Join(dir, "a"))
	if err != nil || len(strings.Split(one, "\n")) != 3 {
		t.Errorf("error %v and %q for a run's own folder, want one run", err, one)
	}
	both, _, err := command(t, filepath.Join(dir, "a"), filepath.Join(dir, "deep"))
	if err != nil || len(strings.Split(both, "\n")) != 4 {
		t.Errorf("error %v and %q for two folders, want two runs", err, both)
	}
}

func TestJSON(t *testing.T) {
	dir := folder(t)
	out, _, err := command(t, "-json", dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []line
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var l line
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(lines), out)
	}
	for i, l := range lines {
		r, err := train.ReadRecord(l.Run)
		if err != nil {
			t.Fatal(err)
		}
		if l.Model != "tiny" || l.Parameters != 6 || l.Images != 40 || l.Batch != 32 || l.Seed != uint64(i) || l.Epochs != 3-2*i || l.EvaluatedOn != "test" ||
			l.BestAccuracy != r.Best().ValAccuracy || l.BestEpoch != r.Best().Epoch || l.Seconds <= 0 || len(l.History) != l.Epochs {
			t.Errorf("line %+v, want that of %+v", l, r)
		}
	}
}

// TestPlot: the drawing is sound SVG and names the runs, as text.
func TestPlot(t *testing.T) {
	dir := folder(t)
	file := filepath.Join(t.TempDir(), "x.svg")
	if _, _, err := command(t, "-plot", file, dir); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, lines := "", 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.CharData:
			text += string(e)
		case xml.StartElement:
			if e.Name.Local == "polyline" {
				lines++
			}
		}
	}
	for _, want := range []string{"test loss", "test accuracy", "epoch", "a: test accuracy ", "b <&> c: test accuracy "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the drawing's text", want)
		}
	}
	if lines < 2 {
		t.Errorf("%d lines, want two for a run of three epochs", lines)
	}
}

// TestPlotByDataset: runs on other images are no curves beside each other: each dataset has a
// row of its own, with its name and the names of its runs.
func TestPlotByDataset(t *testing.T) {
	of := func(dir, dataset string) entry {
		return entry{dir, train.Record{Dataset: dataset, EvaluatedOn: "test", History: []train.Epoch{{Epoch: 1, ValAccuracy: 0.5}, {Epoch: 2}}}}
	}
	for _, tt := range []struct {
		name   string
		found  []entry
		titles []string
	}{
		{"one dataset", []entry{of("a", "mnist"), of("b", "mnist")}, nil},
		{"two", []entry{of("a", "mnist"), of("b", "scenes"), of("c", "mnist")}, []string{"mnist", "scenes"}},
		{"one without a name", []entry{of("a", "mnist"), of("b", "")}, []string{"mnist", "a dataset without a name"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := plotRuns(&b, tt.found); err != nil {
				t.Fatal(err)
			}
			rows := max(1, len(tt.titles))
			if n := strings.Count(b.String(), ">test loss<"); n != rows {
				t.Errorf("%d charts of the loss, want %d", n, rows)
			}
			for _, title := range tt.titles {
				if n := strings.Count(b.String(), ">"+title+"<"); n != 1 {
					t.Errorf("%q stands there %d times, want once", title, n)
				}
			}
			if len(tt.titles) == 0 && strings.Contains(b.String(), ">mnist<") {
				t.Error("one dataset has a title")
			}
			if a, c := strings.Index(b.String(), ">a: "), strings.Index(b.String(), ">c: "); len(tt.found) == 3 && strings.Count(b.String()[a:c], ">test loss<") > 0 {
				t.Error("runs of one dataset are in two rows")
			}
		})
	}
}

// TestHeldOut: what was held out is not called test, here or there.
func TestHeldOut(t *testing.T) {
	history := []train.Epoch{{Epoch: 1, ValAccuracy: 0.5}}
	held := entry{"a", train.Record{EvaluatedOn: "validation", History: history}}
	test := entry{"b", train.Record{EvaluatedOn: "test", History: history}}
	old := entry{"c", train.Record{History: history}}
	for _, tt := range []struct {
		name  string
		found []entry
		has   []string
		not   string
	}{
		{"held out", []entry{held, held}, []string{">validation loss<", ">validation accuracy<", ">a: validation accuracy 0.5000 in epoch 1<"}, "test"},
		{"both", []entry{held, test}, []string{">evaluation loss<", ">evaluation accuracy<", ">a: validation accuracy 0.5000 in epoch 1<", ">b: test accuracy 0.5000 in epoch 1<"}, ">test"},
		{"one unknown", []entry{test, old}, []string{">evaluation loss<", ">b: test accuracy 0.5000 in epoch 1<"}, ">test"},
		{"none", nil, []string{">evaluation loss<"}, "test"},
		{"unknown", []entry{old}, []string{">evaluation loss<", ">c: accuracy 0.5000 in epoch 1<"}, "test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := plotRuns(&b, tt.found); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.has {
				if !strings.Contains(b.String(), want) {
					t.Errorf("no %q in the drawing", want)
				}
			}
			if strings.Contains(b.String(), tt.not) {
				t.Errorf("%q in the drawing", tt.not)
			}
		})
	}
	var table strings.Builder
	if err := printTable(&table, []entry{held, test, old}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{" validation ", " test ", " – "} {
		if line := strings.Split(table.String(), "\n")[i+1]; !strings.Contains(line, " 1       "+strings.TrimPrefix(want, " ")) {
			t.Errorf("line %q, want%sin it", line, want)
		}
	}
}

// TestPlotName: the file's ending may be in capitals.
func TestPlotName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.SVG")
	if _, _, err := command(t, "-plot", file, folder(t)); err != nil {
		t.Fatal(err)
	}
	if s, err := os.Stat(file); err != nil || s.Size() == 0 {
		t.Errorf("error %v, want a drawing", err)
	}
}

// TestPlotBeforeEpochs: runs that have just begun have nothing to draw yet.
func TestPlotBeforeEpochs(t *testing.T) {
	var b bytes.Buffer
	if err := plotRuns(&b, []entry{{dir: "a"}, {dir: "b"}}); err != nil || !strings.Contains(b.String(), "</svg>") {
		t.Errorf("error %v and %q", err, b.String())
	}
}

func TestErrors(t *testing.T) {
	dir := folder(t)
	for _, tt := range []struct {
		name  string
		args  []string
		usage bool
		want  string
	}{
		{"no folder", []string{filepath.Join(dir, "none")}, false, "runs: open "},
		{"a file", []string{filepath.Join(dir, "file")}, false, "runs: "},
		{"no run", []string{filepath.Join(dir, "empty")}, false, "runs: no run in " + filepath.Join(dir, "empty")},
		{"one without runs", []string{dir, filepath.Join(dir, "empty")}, false, "runs: no run in "},
		{"no SVG", []string{"-plot", "x.png", dir}, true, "runs: -plot x.png, want a file ending in .svg"},
		{"unknown flag", []string{"-sort"}, true, "runs: no flag -sort; runs -help lists the flags"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, errs, err := command(t, tt.args...)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || out != "" || errs != "" {
				t.Fatalf("error %v after %q and %q, want %q alone", err, out, errs, tt.want)
			}
			if errors.As(err, new(cli.UsageError)) != tt.usage {
				t.Errorf("a usage error: %t, want %t", !tt.usage, tt.usage)
			}
		})
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(cancelled, []string{dir}, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

// TestDamaged: a run that can't be read is said, the others are listed.
func TestDamaged(t *testing.T) {
	dir := folder(t)
	bad := filepath.Join(dir, "bad")
	err := errors.Join(os.Mkdir(bad, 0o755), os.WriteFile(filepath.Join(bad, train.CheckpointFile), []byte("nonsense"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	out, errs, err := command(t, dir)
	if err == nil || err.Error() != "runs: 1 of 3 runs could not be read" {
		t.Errorf("error %v, want how many could not be read", err)
	}
	if len(strings.Split(out, "\n")) != 4 || !strings.HasPrefix(errs, bad+": ") || strings.Count(errs, "\n") != 1 {
		t.Errorf("printed %q and %q, want two runs and one that is damaged", out, errs)
	}
}

// TestPlain: no name breaks a line or moves the cursor.
func TestPlain(t *testing.T) {
	for name, want := range map[string]string{
		"runs/cnn": "runs/cnn", "цифры и 数字": "цифры и 数字", "": "–", "a\nb": `"a\nb"`, "a\x1b[2J": `"a\x1b[2J"`, "a\tb": `"a\tb"`, "\u202egnp": `"\u202egnp"`, "\xff": `"\xff"`,
	} {
		if got := plain(name); got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
	var b bytes.Buffer
	e := entry{dir: "a\tb\nc", Record: train.Record{Model: "x\ty", Dataset: "\x1b"}}
	if err := printTable(&b, []entry{e}); err != nil || strings.Count(b.String(), "\n") != 2 || strings.Contains(b.String(), "\x1b") {
		t.Errorf("error %v and %q, want one line", err, b.String())
	}
}
