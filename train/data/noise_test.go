package data

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// labelled is samples without images.
type labelled []int

func (s labelled) Len() int                              { return len(s) }
func (s labelled) Read(i int, _ []float32) (int, error)  { return s[i], checkIndex(i, len(s)) }
func (s labelled) class(i int, _ []float32) (int, error) { return s[i], nil }
func (s labelled) Epoch(n int) Samples                   { return append(labelled{}, s...) }

func labelsOf(t *testing.T, s Samples) []int {
	t.Helper()
	l, err := Labels(s, [3]int{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// numbers is a dataset whose labels go round.
func numbers(n, classes int) Dataset {
	d := Dataset{Name: "numbers", Shape: [3]int{1, 1, 1}, Classes: numerals(classes)}
	train := make(labelled, n)
	for i := range train {
		train[i] = i % classes
	}
	d.Train, d.Test = train, slices.Clone(train[:classes])
	return d
}

// TestLabelNoise: as many labels as it should be are others, which are the other classes alike; a
// label is the same however it is read, and in whatever part of the dataset.
func TestLabelNoise(t *testing.T) {
	const n, classes = 90_000, 10
	for _, share := range []float64{0.05, 0.5, 0.9} {
		d := numbers(n, classes)
		noisy, err := LabelNoise(d, share, 3)
		if err != nil {
			t.Fatal(err)
		}
		var steps [classes]int // from the label to the new one
		labels := labelsOf(t, noisy.Train)
		for i, l := range labels {
			steps[(l-i%classes+classes)%classes]++
			if read, err := noisy.Train.Read(i, nil); err != nil || read != l {
				t.Fatalf("sample %d has class %d and %d, error %v", i, l, read, err)
			}
		}
		for k, got := range steps {
			want := share / (classes - 1)
			if k == 0 {
				want = 1 - share
			}
			if sigma := math.Sqrt(want * (1 - want) * n); math.Abs(float64(got)-want*n) > 4*sigma {
				t.Errorf("share %g: %d labels go %d further, want %.0f, give or take %.0f", share, got, k, want*n, sigma)
			}
		}
		if !slices.Equal(labelsOf(t, noisy.Test), labelsOf(t, d.Test)) {
			t.Errorf("share %g: the test labels are others", share)
		}
		d.Train = Limit(d.Train, 100)
		limited, err := LabelNoise(d, share, 3)
		if err != nil {
			t.Fatal(err)
		}
		for what, s := range map[string]Samples{"limited": limited.Train, "in epoch 2": Limit(Epoch(noisy.Train, 2), 100)} {
			if !slices.Equal(labelsOf(t, s), labels[:100]) {
				t.Errorf("share %g: %s the labels are others", share, what)
			}
		}
		other, err := LabelNoise(d, share, 4)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(labelsOf(t, other.Train), labels[:100]) || other.Changes == limited.Changes {
			t.Errorf("share %g: another seed changes nothing", share)
		}
	}
	if none, err := LabelNoise(numbers(20, 2), 0, 3); err != nil || none.Changes != "" || !slices.Equal(labelsOf(t, none.Train), labelsOf(t, numbers(20, 2).Train)) {
		t.Errorf("no noise: %+v, error %v", none, err)
	}
}

func TestLabelNoiseErrors(t *testing.T) {
	for _, tt := range []struct {
		share   float64
		classes int
		want    string
	}{
		{1, 10, "a share of 1 of the labels"},
		{-0.1, 10, "a share of -0.1 of the labels"},
		{math.NaN(), 10, "a share of NaN of the labels"},
		{0.5, 1, "of 1 classes, want 2 or more"},
	} {
		if _, err := LabelNoise(numbers(20, tt.classes), tt.share, 1); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("share %g of %d classes: error %v, want %q", tt.share, tt.classes, err, tt.want)
		}
	}
}

// TestNames: a sample keeps its file's name in whatever is made of its dataset.
func TestNames(t *testing.T) {
	files := pictures{source: &folderPictures{files: []string{"a/1.png", "b/2.png", "a/3.png"}, labels: []int{0, 1, 0}}, shape: [3]int{1, 1, 1}}
	d := Dataset{Name: "files", Shape: files.shape, Classes: numerals(2), Train: files, Test: files}
	noisy, err := LabelNoise(d, 0.5, 1)
	if err != nil {
		t.Fatal(err)
	}
	augmented := Augment(noisy, 1, Flip{})
	if got := Name(subset{augmented.Train, []int{2, 0}}, 0); got != "a/3.png" {
		t.Errorf("the sample is called %q, want a/3.png", got)
	}
	if got := Name(numbers(20, 2).Train, 7); got != "7" {
		t.Errorf("a sample without a file is called %q, want 7", got)
	}
}
