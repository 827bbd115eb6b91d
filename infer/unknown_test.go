package infer

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"tapenet/graph/weights"
)

// TestScores compares each score with its definition in plain loops.
func TestScores(t *testing.T) {
	p, _, l := calibratable(t, 60, 1)
	features, err := p.Features(l.images)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := p.Logits(l.images)
	if err != nil {
		t.Fatal(err)
	}
	known, err := p.KnownFeatures(context.Background(), l, 20)
	if err != nil {
		t.Fatal(err)
	}
	if s := known.Shape(); s[0] != 20 || s[1] != 8 {
		t.Fatalf("features of known images are %v, want (20,8)", s)
	}
	cosine := func(x, y []float32) float64 {
		var xx, yy, xy float64
		for i := range x {
			xx, yy, xy = xx+float64(x[i])*float64(x[i]), yy+float64(y[i])*float64(y[i]), xy+float64(x[i])*float64(y[i])
		}
		return xy / math.Sqrt(xx*yy)
	}
	want := map[string]func(i int) float64{
		weights.ScoreProbability: func(i int) float64 { return float64(slices.Max(softMax(logits[i:i+1], 1)[0])) },
		weights.ScoreEnergy: func(i int) float64 {
			var sum float64
			for _, v := range logits[i] {
				sum += math.Exp(float64(v))
			}
			return math.Log(sum)
		},
		weights.ScoreNeighbours: func(i int) float64 {
			var cosines []float64
			for k := range 20 {
				cosines = append(cosines, cosine(features[i], features[3*k]))
			}
			slices.Sort(cosines)
			return cosines[20-7]
		},
	}
	for _, name := range weights.Scores() {
		u := &weights.Unknown{Score: name}
		if name == weights.ScoreNeighbours {
			u.Neighbours, u.Features = 7, known
		}
		scores, err := p.Score(l.images, u)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range scores {
			if math.Abs(s-want[name](i)) > 2e-5 {
				t.Errorf("%s of image %d is %v, want %v", name, i, s, want[name](i))
			}
		}
	}
}

// TestScoreOfNothing: a score that is no number is not one of a known image.
func TestScoreOfNothing(t *testing.T) {
	p, _, l := calibratable(t, 1, 1)
	p.unknown, p.score = &weights.Unknown{Score: weights.ScoreEnergy}, oneByOne(func(output) float64 { return math.NaN() })
	if r := predict(t, p, l.images)[0]; !r.Unknown {
		t.Errorf("%+v, want it unknown", r)
	}
}

// TestMemoryOfNeighbours: what the comparison with known images takes counts.
func TestMemoryOfNeighbours(t *testing.T) {
	p, _, l := calibratable(t, 100, 1)
	known, err := p.KnownFeatures(context.Background(), l, 0)
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Calibrate(1, &weights.Unknown{Score: weights.ScoreNeighbours, Neighbours: 1, Features: known})
	if err != nil {
		t.Fatal(err)
	}
	predict(t, p, l.images)
	predict(t, q, l.images)
	if more := q.Memory() - p.Memory(); more < 100*8*4 {
		t.Errorf("the comparison takes %d bytes, want those of the known features at least", more)
	}
}

// TestConcurrentNeighbours: any number of goroutines may compare.
func TestConcurrentNeighbours(t *testing.T) {
	p, _, l := calibratable(t, 64, 1)
	known, err := p.KnownFeatures(context.Background(), l, 0)
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.Calibrate(2, &weights.Unknown{Score: weights.ScoreNeighbours, Neighbours: 2, Features: known, Threshold: 0.999})
	if err != nil {
		t.Fatal(err)
	}
	want := predict(t, q, l.images)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			got, err := q.Predict(l.images)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range got {
				if got[i].Score != want[i].Score || got[i].Unknown != want[i].Unknown {
					t.Errorf("image %d: %+v, want %+v", i, got[i], want[i])
				}
			}
		})
	}
	wg.Wait()
}
