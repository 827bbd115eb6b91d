package attack

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
)

// Square is the square attack (Andriushchenko et al. 2020, "Square Attack: a
// query-efficient black-box adversarial attack via random search"): it sees logits
// alone, no gradient. It changes the pixels of a random square and keeps that if the margin
// of the class becomes smaller. Squares become smaller with the queries.
//
// In L∞ it begins with random vertical stripes, and a square of each channel goes to one
// end of its pixels' interval. In L2 it begins with a grid of bumps, and moves what one
// window holds of the distance to another.
type Square struct {
	Norm    Norm
	Epsilon float64
	Queries int     // 0 means 5000: the most pictures to try
	Size    float64 // 0 means 0.8: the first squares' part of the picture
	Seed    uint64
}

// Name is square.
func (Square) Name() string { return "square" }

func (a Square) defaults() Square {
	if a.Queries == 0 {
		a.Queries = 5000
	}
	if a.Size == 0 {
		a.Size = 0.8
	}
	return a
}

// Settings are those of [Square].
func (a Square) Settings() []Setting {
	a = a.defaults()
	return []Setting{{"norm", a.Norm.String()}, {"epsilon", a.Epsilon}, {"queries", a.Queries}, {"size", a.Size}, {"seed", a.Seed}}
}

// Run attacks all pictures.
func (a Square) Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error) {
	return run(ctx, v, a, images, classes)
}

func (a Square) job() (job, error) {
	if err := checkCounts(count{"queries", a.Queries}); err != nil {
		return job{}, err
	}
	if !(a.Size >= 0 && a.Size <= 1) {
		return job{}, fmt.Errorf("attack: size %g, want above 0 and at most 1, or 0 for the default", a.Size)
	}
	return job{name: a.Name(), norm: a.Norm, epsilon: a.Epsilon, seed: a.Seed, search: a.defaults().search}, nil
}

// search is the square attack on one picture.
func (a Square) search(t *trial) {
	input := t.driver.victim.input
	s := squareSearch{Square: a, trial: t, r: t.random(0), c: input[0], h: input[1], w: input[2]}
	s.ball = newBall(a.Norm, a.Epsilon, t.clean)
	s.best, s.next = make([]float32, len(t.clean)), make([]float32, len(t.clean))
	copy(s.next, t.clean)
	propose := s.square
	if a.Norm == L2 {
		s.delta, s.inWindow = make([]float64, len(t.clean)), make([]bool, s.h*s.w)
		s.bumps()
		propose = s.windows
	} else {
		s.stripes()
	}
	most := math.Inf(-1) // the largest margin so far
	for query := range a.Queries {
		if query > 0 {
			copy(s.next, s.best)
			propose(a.part(query))
		}
		if t.fools(s.next) {
			return
		}
		if m := margin(t.logits, t.class, nil); m > most {
			most = m
			s.best, s.next = s.next, s.best
		}
	}
	t.keep(s.best)
}

// part is the part of the picture that a square covers at a query: halved at queries
// that the paper has for 10,000 of them.
func (a Square) part(query int) float64 {
	p, at := a.Size, query*10000/a.Queries
	for _, halved := range []int{10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000} {
		if at > halved {
			p /= 2
		}
	}
	return p
}

// squareSearch is the square attack's state: the best picture and the next to try.
type squareSearch struct {
	Square
	trial      *trial
	r          *rand.Rand
	ball       *ball
	c, h, w    int
	best, next []float32

	// For L2:
	delta    []float64 // next less the clean picture
	inWindow []bool    // by pixel
	window   []float64 // memory for one channel's
	bump     []float64 // see bumpOf
	side     int       // of bump
}

// stripes sets next to the clean picture with each column of each channel at one end of
// its interval.
func (s *squareSearch) stripes() {
	for c := range s.c {
		for w := range s.w {
			s.fill(c, 0, w, s.h, 1, s.r.Uint64()&1 == 1)
		}
	}
}

// square moves a random square of next, each channel to one end of its interval.
func (s *squareSearch) square(part float64) {
	side := min(max(int(math.Round(math.Sqrt(part*float64(s.h*s.w)))), 1), s.h, s.w)
	top, left := s.r.IntN(s.h-side+1), s.r.IntN(s.w-side+1)
	for c := range s.c {
		s.fill(c, top, left, side, side, s.r.Uint64()&1 == 1)
	}
}

// fill sets the pixels of a window to the upper or the lower end of their intervals.
func (s *squareSearch) fill(c, top, left, height, width int, up bool) {
	from := s.ball.lo
	if up {
		from = s.ball.hi
	}
	for h := top; h < top+height; h++ {
		i := (c*s.h+h)*s.w + left
		copy(s.next[i:][:width], from[i:])
	}
}
