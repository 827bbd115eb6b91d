package metric

import (
	"math"
	"strings"
	"testing"
)

// TestSeveral counts a small example by hand: three classes, of which no sample has the last.
func TestSeveral(t *testing.T) {
	probabilities := [][]float32{{0.9, 0.2, 0.1}, {0.6, 0.7, 0.1}, {0.4, 0.8, 0.6}, {0.3, 0.1, 0.2}}
	truth := [][]bool{{true, false, false}, {false, true, false}, {true, true, false}, {false, false, false}}
	s, err := NewSeveral(probabilities, func(i, k int) bool { return truth[i][k] }, []float64{0.5, 0.5, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	// Class 0: found 0 and 1, has 0 and 2: one of both; ranked 0, 1, 2, 3: AP (1/2)·1 + (1/2)·(2/3).
	// Class 1: found 1 and 2, as it should. Class 2: found 2, which has it not.
	want := Several{Exact: 0.5, MAP: (5.0/6 + 1) / 2, F1: (0.5 + 1 + 0) / 3}
	if s.Exact != want.Exact || math.Abs(s.MAP-want.MAP) > 1e-12 || math.Abs(s.F1-want.F1) > 1e-12 {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if c := s.Classes[0]; c.Images != 2 || c.Precision != 0.5 || c.Recall != 0.5 || math.Abs(c.AP-5.0/6) > 1e-12 {
		t.Errorf("the first class has %+v", c)
	}
	if c := s.Classes[2]; c.Images != 0 || !math.IsNaN(c.AP) {
		t.Errorf("the last class has %+v, want no average precision", c)
	}
	if table := s.Table([]string{"a", "bb", "long name"}); !strings.Contains(table, "all classes right 0.5000  mAP 0.9167  F1 0.5000\n") || strings.Count(table, "\n") != 5 {
		t.Errorf("got\n%s", table)
	}
	if _, err := NewSeveral([][]float32{{1, 2}}, func(int, int) bool { return true }, []float64{1}); err == nil {
		t.Error("no error for two probabilities and one threshold")
	}
}

func TestF1Threshold(t *testing.T) {
	for _, tt := range []struct {
		scores   []float64
		positive []bool
		want     float64
	}{
		{[]float64{0.9, 0.8, 0.4, 0.1}, []bool{true, true, false, false}, 0.6},
		{[]float64{0.9, 0.8, 0.4, 0.1}, []bool{true, false, true, false}, 0.25}, // 2·2/(3+2), more than 2/3
		{[]float64{0.7, 0.7, 0.7, 0.2}, []bool{true, false, true, false}, 0.45}, // equals pass together
		{[]float64{0.3, 0.2}, []bool{true, true}, 0.5},
		{[]float64{0.3, 0.2}, []bool{false, false}, 0.5},
		{[]float64{0.1, 0.3}, []bool{true, false}, 0.05}, // all but nothing passes
	} {
		if got := F1Threshold(tt.scores, tt.positive); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v, %v: %v, want %v", tt.scores, tt.positive, got, tt.want)
		}
	}
}
