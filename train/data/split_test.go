package data

import (
	"fmt"
	"slices"
	"testing"
)

// numbered is n samples of one value, i, of which the class is i modulo
// classes.
type numbered struct{ n, classes int }

func (s numbered) Len() int { return s.n }

func (s numbered) Read(i int, x []float32) (int, error) {
	if err := checkIndex(i, s.n); err != nil {
		return 0, err
	}
	for k := range x {
		x[k] = float32(i)
	}
	return i % s.classes, nil
}

func numberedSet(n, classes int) Dataset {
	return Dataset{Name: "numbers", Shape: [3]int{1, 1, 1}, Classes: numerals(classes), Train: numbered{n, classes}, Test: numbered{1, 1}}
}

// indices returns which samples of a numbered set s has.
func indices(t *testing.T, s Samples) []int {
	t.Helper()
	var at []int
	for _, v := range values(t, s, 1) {
		at = append(at, int(v))
	}
	return at
}

// perClass counts samples by class.
func perClass(t *testing.T, s Samples, classes int) []int {
	t.Helper()
	labels, err := Labels(s, [3]int{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	count := make([]int, classes)
	for _, l := range labels {
		count[l]++
	}
	return count
}

// checkParts demands that two parts have all of n samples between them, and
// each once.
func checkParts(t *testing.T, n int, a, b Samples) {
	t.Helper()
	all := append(indices(t, a), indices(t, b)...)
	slices.Sort(all)
	if !slices.Equal(all, InOrder(n)) {
		t.Errorf("the parts have the samples %v, want 0 to %d once each", all, n-1)
	}
}

func TestSplit(t *testing.T) {
	d := numberedSet(103, 4)
	for _, stratified := range []bool{false, true} {
		t.Run(fmt.Sprint("stratified ", stratified), func(t *testing.T) {
			split := func(seed uint64) Dataset {
				p, err := Split(d, 0.25, seed, stratified)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			p := split(1)
			if want := map[bool]int{false: 26, true: 27}[stratified]; p.Test.Len() != want || p.Name != "numbers" || p.Shape != d.Shape || len(p.Classes) != 4 {
				t.Errorf("%d samples of %v held out, want %d", p.Test.Len(), p, want)
			}
			checkParts(t, 103, p.Train, p.Test)
			if stratified {
				if got, want := perClass(t, p.Test, 4), []int{7, 7, 7, 6}; !slices.Equal(got, want) {
					t.Errorf("held out by class %v, want %v", got, want) // a quarter of 26, 26, 26 and 25
				}
			}
			if same := split(1); !slices.Equal(indices(t, same.Test), indices(t, p.Test)) {
				t.Error("the same seed holds out others")
			}
			if other := split(2); slices.Equal(indices(t, other.Test), indices(t, p.Test)) {
				t.Error("another seed holds out the same")
			}
		})
	}
}

func TestFolds(t *testing.T) {
	d := numberedSet(32, 3)
	for _, stratified := range []bool{false, true} {
		folds, err := Folds(d, 5, 7, stratified)
		if err != nil {
			t.Fatal(err)
		}
		var tested []int
		for _, f := range folds {
			checkParts(t, 32, f.Train, f.Test)
			if n := f.Test.Len(); n != 6 && n != 7 {
				t.Errorf("a fold of %d, want 6 or 7", n)
			}
			tested = append(tested, indices(t, f.Test)...)
			for _, n := range perClass(t, f.Test, 3) {
				if stratified && n != 2 && n != 3 {
					t.Errorf("%d samples of a class in a fold, want 2 or 3", n)
				}
			}
		}
		slices.Sort(tested)
		if !slices.Equal(tested, InOrder(32)) {
			t.Errorf("the folds test %v, want each sample once", tested)
		}
	}
}

func TestSplitErrors(t *testing.T) {
	d := numberedSet(10, 2)
	wrong := d
	wrong.Classes = wrong.Classes[:1]
	tests := []struct {
		name string
		run  func() error
		want string
	}{
		{"none held out", func() error { _, err := Split(d, 0, 1, false); return err }, "a share of 0 of"},
		{"all held out", func() error { _, err := Split(d, 1, 1, false); return err }, "a share of 1 of"},
		{"less than one", func() error { _, err := Split(d, 0.01, 1, false); return err }, "divided into 10 and 0 samples"},
		{"all but nothing", func() error { _, err := Split(d, 0.99, 1, false); return err }, "divided into 0 and 10 samples"},
		{"unknown class", func() error { _, err := Split(wrong, 0.5, 1, true); return err }, `sample 1 of dataset "numbers" has class 1, want 0 to 0`},
		{"one fold", func() error { _, err := Folds(d, 1, 1, false); return err }, "1 folds of the 10 samples"},
		{"eleven folds", func() error { _, err := Folds(d, 11, 1, true); return err }, "11 folds of the 10 samples"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantError(t, tt.run(), "data: ", tt.want) })
	}
}

// What is held out of a training part is no test part.
func TestHeldOut(t *testing.T) {
	d := Dataset{Name: "numbers", Shape: [3]int{1, 1, 1}, Classes: numerals(2), Train: numbered{20, 2}, Test: numbered{1, 1}}
	for _, stratified := range []bool{false, true} {
		if s, err := Split(d, 0.5, 1, stratified); err != nil || !s.HeldOut {
			t.Errorf("Split's test part held out: %t, error %v", s.HeldOut, err)
		}
		if f, err := Folds(d, 2, 1, stratified); err != nil || !f[0].HeldOut || !f[1].HeldOut {
			t.Errorf("the folds' test parts are not held out, error %v", err)
		}
	}
}

// TestSplitSmallClasses: a class of two has one sample in either part, whatever the share.
func TestSplitSmallClasses(t *testing.T) {
	d := Dataset{Name: "small", Shape: [3]int{1, 1, 1}, Classes: []string{"a", "b"}, Train: &inMemory{pixels: make([]byte, 22), labels: append(make([]byte, 20), 1, 1), size: 1}}
	for _, share := range []float64{0.01, 0.2, 0.99} {
		got, err := Split(d, share, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []Samples{got.Train, got.Test} {
			labels, err := Labels(part, d.Shape)
			if n := len(labels) - len(slices.DeleteFunc(labels, func(l int) bool { return l == 1 })); err != nil || n != 1 {
				t.Errorf("share %v: %d of the class of two in a part, error %v, want 1", share, n, err)
			}
		}
	}
}
