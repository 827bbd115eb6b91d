package robust

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/raster"
	"tapenet/graph/raster/corrupt"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// small is a convolutional network with what behaves otherwise in training, on
// normalised images.
func small(t testing.TB) (*infer.Predictor, made) {
	input := [3]int{1, 9, 8}
	l := graph.Sequential{
		graph.Conv2D{Filters: 4, Kernel: 3}, graph.BatchNorm{}, graph.ReLU,
		graph.MaxPool2D{}, graph.Dropout{Rate: 0.5}, graph.Flatten{}, graph.Dense{Units: 3},
	}
	p := random(t, l, weights.Model{Input: input, Classes: []string{"a", "b", "c"}, Preprocessing: raster.Preprocessing{Mean: []float64{0.4}, Deviation: []float64{0.3}}})
	return p, pictures(input, 9, 3)
}

// TestClean: the accuracy is what counting says.
func TestClean(t *testing.T) {
	s := made{[][]float32{dot(1, 1), dot(2, 5), dot(3, 0), dot(4, 6)}, []int{0, 1, 1, 1}}
	r := measure(t, sides(t), s, Config{What: []string{"clean"}})
	if r.Clean != (Score{3, 4, 0.75}) || r.Images != 4 || r.Corruptions != nil || r.FailFirst != nil {
		t.Errorf("report %+v, want 3 of 4 right and nothing else", r)
	}
	if r := measure(t, sides(t), s, Config{What: []string{"clean"}, Limit: 2}); r.Clean != (Score{2, 2, 1}) {
		t.Errorf("of the first two: %+v, want both right", r.Clean)
	}
}

// TestShiftCurve: a dot left of the middle is wrong from the shift on at which more
// of it is right of the middle; one by 4/28 of the width is in the middle itself.
func TestShiftCurve(t *testing.T) {
	s := made{[][]float32{dot(3, 2), dot(3, 0)}, []int{0, 0}}
	r := measure(t, sides(t), s, Config{What: []string{"geometry/shift across"}})
	if len(r.Geometry) != 1 || r.Geometry[0].Name != "shift across" || len(r.Geometry[0].At) != 17 {
		t.Fatalf("curves %+v, want one of 17 points", r.Geometry)
	}
	for k, by := range r.Geometry[0].At {
		want := 1.0
		if by > 4 {
			want = 0.5
		}
		if got := r.Geometry[0].Accuracy[k]; got != want {
			t.Errorf("shifted by %g: accuracy %v, want %v", by, got, want)
		}
	}
	if got, want := r.Geometry[0].Mean, (13+4*0.5)/17; got < want-1e-12 || got > want+1e-12 {
		t.Errorf("mean %v, want %v", got, want)
	}
}

// TestFailFirst: the dot beside the middle fails before all others, at 5 of 8 pixels;
// those at the edge never do.
func TestFailFirst(t *testing.T) {
	s := made{[][]float32{dot(3, 0), dot(3, 2), dot(2, 1), dot(1, 6)}, []int{0, 0, 0, 0}}
	r := measure(t, sides(t), s, Config{What: []string{"geometry/shift across"}})
	if len(r.FailFirst) != 2 {
		t.Fatalf("%d images fail, want 2: %+v", len(r.FailFirst), r.FailFirst)
	}
	if f := r.FailFirst[0]; f.Image != 3 || f.Strength != 0 || f.What != "as it is" || f.Predicted != 1 {
		t.Errorf("first %+v, want image 3, wrong as it is", f)
	}
	f := r.FailFirst[1]
	if f.Image != 1 || f.Strength != 5.0/8 || f.What != "geometry/shift across 5 px" || f.Predicted != 1 || f.Failed != 1 || f.Of != 1 {
		t.Errorf("second %+v, want image 1 at 5 px", f)
	}
	if want := corrupt.Shift(corrupt.Picture{Pix: dot(3, 2), C: 1, H: side, W: side}, 5.0/4, 0).Pix; !slices.Equal(f.Changed.Pix, want) || !slices.Equal(f.Original.Pix, dot(3, 2)) {
		t.Errorf("pictures %v and %v, want the dot and the shifted one", f.Original.Pix, f.Changed.Pix)
	}
}

// TestCorruptions: each figure is that of a plain prediction of what package corrupt
// makes, the published one of its severity 0.
func TestCorruptions(t *testing.T) {
	p, s := small(t)
	const seed = 11
	r := measure(t, p, s, Config{What: []string{"corruptions"}, Seed: seed})
	n, names := 0, Groups(p.Input)[0].Items
	for _, set := range r.Corruptions {
		var mean float64
		for _, got := range set.Corruptions {
			c, err := corrupt.Find(set.Name + "/" + got.Name)
			if err != nil {
				t.Fatal(err)
			}
			for severity := range 6 {
				figure := got.Accuracy
				if severity > 0 {
					figure = got.Severities[severity-1]
				}
				if want := accuracyOf(t, p, s, func(i int, x corrupt.Picture) corrupt.Picture { return c.Apply(x, severity, corrupt.Seed(seed, i)) }); figure != want {
					t.Errorf("%s, severity %d: accuracy %v, want %v", got.Name, severity, figure, want)
				}
			}
			mean += got.Accuracy / float64(len(set.Corruptions))
			n++
		}
		if set.Mean != mean {
			t.Errorf("%s: mean %v, want %v", set.Name, set.Mean, mean)
		}
	}
	if n != len(names) || n < len(corrupt.MNIST()) {
		t.Errorf("%d corruptions, want %v", n, names)
	}
}

// accuracyOf predicts changed images one by one.
func accuracyOf(t *testing.T, p *infer.Predictor, s made, change func(i int, x corrupt.Picture) corrupt.Picture) float64 {
	t.Helper()
	right := 0
	for i, x := range s.images {
		changed := change(i, corrupt.Picture{Pix: x, C: p.Input[0], H: p.Input[1], W: p.Input[2]})
		predictions, err := p.Predict([][]float32{changed.Pix})
		if err != nil {
			t.Fatal(err)
		}
		if predictions[0].Class == s.classes[i] {
			right++
		}
	}
	return float64(right) / float64(len(s.images))
}

// TestGrid: the grid has the points of the paper, and the worst case is that of all
// of them: a dot in the middle column is "right" when it is shifted there.
func TestGrid(t *testing.T) {
	s := made{[][]float32{dot(3, 0), dot(3, 3), dot(3, 6)}, []int{0, 0, 1}}
	p := sides(t)
	r := measure(t, p, s, Config{What: []string{"grid"}})
	var mean float64
	for turn := range 31 {
		for place := range 25 {
			degrees, dx, dy := 2*float64(turn)-30, (1.5*float64(place%5)-3)*side/28, (1.5*float64(place/5)-3)*side/28
			mean += accuracyOf(t, p, s, func(_ int, x corrupt.Picture) corrupt.Picture { return corrupt.Place(x, degrees, dx, dy) }) / 775
		}
	}
	if r.Grid.Points != 775 || r.Grid.Worst != (Score{2, 3, 2.0 / 3}) || r.Grid.Mean < mean-1e-9 || r.Grid.Mean > mean+1e-9 {
		t.Errorf("grid %+v, want 775 points, 2 of 3 right at all of them, mean %v", r.Grid, mean)
	}
}

// TestThreads: the report is the same, byte for byte, for any number of threads, and
// another one with another seed.
func TestThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	report := func(threads int, seed uint64) string {
		runtime.GOMAXPROCS(threads)
		p, s := small(t)
		return text(t, measure(t, p, s, Config{Seed: seed}))
	}
	one := report(1, 5)
	for _, threads := range []int{2, 5} {
		if many := report(threads, 5); many != one {
			t.Errorf("%d threads give\n%s\none gives\n%s", threads, many, one)
		}
	}
	if other := report(2, 6); strings.Replace(other, `"seed":6`, `"seed":5`, 1) == one {
		t.Error("seeds 5 and 6 give the same figures, want others")
	}
}

func text(t *testing.T, r *Report) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestProgress: it goes on to its end, and a cancelled context ends all within a
// batch.
func TestProgress(t *testing.T) {
	p, s := small(t)
	var last Progress
	steps := 0
	measure(t, p, s, Config{Progress: func(at Progress) {
		if at.Done < last.Done || last.Of != 0 && at.Of != last.Of || at.What == "" {
			t.Errorf("%+v after %+v", at, last)
		}
		last = at
		steps++
	}})
	if last.Done != last.Of || steps < 100 {
		t.Errorf("%d steps, the last %+v, want all of it", steps, last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	after := 0
	_, err := Measure(ctx, p, s, Config{Progress: func(at Progress) {
		if at.What == "corruptions/shear" {
			cancel()
			after++
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "stopped in corruptions/shear") || after != 1 {
		t.Errorf("error %v after %d steps, want context.Canceled after 1", err, after)
	}
}

func TestErrors(t *testing.T) {
	p, s := small(t)
	tests := []struct {
		name   string
		p      *infer.Predictor
		s      Samples
		config Config
		want   []string
	}{
		{"no network", nil, s, Config{}, []string{"no network or no images, want both"}},
		{"no samples", p, made{}, Config{}, []string{"no network or no images, want both"}},
		{"unknown group", p, s, Config{What: []string{"luck"}}, []string{`no measurement "luck", want one of clean, corruptions, geometry, grid`}},
		{"unknown item", p, s, Config{What: []string{"grid", "corruptions/fogg"}}, []string{`no measurement "corruptions/fogg", want one of corruptions/: shot_noise, `}},
		{"item of a group without", p, s, Config{What: []string{"grid/x"}}, []string{`no measurement "grid/x"`}},
		{"norm", p, s, Config{Norm: 7}, []string{"the norm is", "want linf or l2"}},
		{"epsilon of bytes", p, s, Config{Epsilon: 8}, []string{"attacks within 8 of each pixel, want up to 1"}},
		{"epsilon", p, s, Config{Epsilon: math.NaN()}, []string{"attacks within NaN, want a number"}},
		{"other images", p, made{[][]float32{{1, 2}}, []int{0}}, Config{}, []string{"sample 0", "not of this size"}},
		{"other classes", p, made{s.images[:1], []int{3}}, Config{}, []string{"sample 0 is of class 3, want 0 to 2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Measure(t.Context(), tt.p, tt.s, tt.config)
			wantError(t, err, tt.want...)
		})
	}
}

// TestMemory: attacks and certificates do not begin with graphs that the machine has no
// memory for; interval bounds, which not every network has, are skipped with that reason.
func TestMemory(t *testing.T) {
	p, s := small(t)
	machine = func() (int, bool) { return 20_000, true }
	defer func() { machine = memory.Available }()
	for _, what := range []string{"attacks", "certificates/smoothing"} {
		_, err := Measure(t.Context(), p, s, Config{What: []string{what}})
		wantError(t, err, "robust: ", "the network needs ", " of memory, want at most 0")
	}
	r := measure(t, p, s, Config{What: []string{"certificates/interval"}})
	if len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0].Why, " of memory, want at most 0") {
		t.Errorf("skipped %+v, want the interval bounds for want of memory", r.Skipped)
	}
}
