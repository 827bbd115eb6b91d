package data

import (
	"slices"
	"strings"
	"testing"
)

// uneven is 90 samples of class 0, 9 of class 1 and 1 of class 2.
func uneven() Dataset {
	d := numberedSet(100, 3)
	var at []int
	count := [3]int{}
	for i := 0; len(at) < 100; i++ {
		if c := i % 3; count[c] < [3]int{90, 9, 1}[c] {
			count[c]++
			at = append(at, i)
		}
	}
	d.Train = subset{numbered{300, 3}, at}
	return d
}

// TestBalance: in every epoch each class has its share; over the epochs each sample of a
// class comes as often as the others; a seed gives the same.
func TestBalance(t *testing.T) {
	d, err := Balance(uneven(), 7)
	if err != nil {
		t.Fatal(err)
	}
	times := map[float32]int{}
	x := make([]float32, 1)
	for epoch := range 9 {
		s := Epoch(d.Train, epoch)
		var count [3]int
		for i := range s.Len() {
			class, err := s.Read(i, x)
			if err != nil {
				t.Fatal(err)
			}
			count[class]++
			times[x[0]]++
		}
		if count != [3]int{34, 33, 33} {
			t.Errorf("epoch %d has %v samples of the classes, want a third each", epoch, count)
		}
	}
	least, most := [3]int{1000, 1000, 1000}, [3]int{}
	plain := uneven().Train
	for i := range plain.Len() {
		class, _ := plain.Read(i, x)
		least[class], most[class] = min(least[class], times[x[0]]), max(most[class], times[x[0]])
	}
	for class := range least {
		if most[class]-least[class] > 1 {
			t.Errorf("samples of class %d come %d to %d times in nine epochs, want as often as each other", class, least[class], most[class])
		}
	}
	again, err := Balance(uneven(), 7)
	if err != nil {
		t.Fatal(err)
	}
	a, b := values(t, Epoch(d.Train, 3), 1), values(t, Epoch(again.Train, 3), 1)
	other, _ := Balance(uneven(), 8)
	if !slices.Equal(a, b) || slices.Equal(a, values(t, Epoch(other.Train, 3), 1)) || slices.Equal(a, values(t, Epoch(d.Train, 4), 1)) {
		t.Error("want the same order for a seed and an epoch, and others for others")
	}
	if !slices.Equal(values(t, d.Train, 1), values(t, Epoch(d.Train, 0), 1)) {
		t.Error("itself it is not as in epoch 0")
	}
}

func TestClassWeights(t *testing.T) {
	got, err := ClassWeights(uneven())
	want := []float64{100. / 270, 100. / 27, 100. / 3}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("weights %v, %v, want %v", got, err, want)
	}
	d := numberedSet(10, 2)
	d.Classes = []string{"a", "b", "none"}
	if got, err := ClassWeights(d); err != nil || got[2] != 0 {
		t.Errorf("weights %v, %v, want 0 for a class without samples", got, err)
	}
	if _, err := Balance(d, 1); err == nil || !strings.Contains(err.Error(), `data: class "none" of dataset "numbers" has no training samples`) {
		t.Errorf("error %v, want the empty class", err)
	}
}
