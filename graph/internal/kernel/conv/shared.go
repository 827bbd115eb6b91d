package conv

import (
	"runtime"

	"tapenet/graph/internal/kernel/cpu"
)

// Shared is memory that the kernels of a program use by turns: they run one after the
// other, and nobody reads what they leave in it. Without it each kernel of a deep network
// would keep its own tiles.
//
//	rounds   the tiles or patches of a round of images, see gatherer
//	strips   for each goroutine a strip of tiles, see tiled, or a block of an image
//	         that is multiplied with factors, see Beginning
//
// Kernels say before the first run what they will need at most, so that memory is taken
// once, in the largest size.
type Shared[T cpu.Float] struct {
	rounds        strip[T]
	strips        cpu.FreeList[strip[T]]
	round, single extent // of rounds, and of one of the strips
	goroutines    int    // that have strips at the same time, at most
}

// extent is the number of elements of v and m.
type extent struct{ v, m int }

func (e *extent) include(v, m int) { e.v, e.m = max(e.v, v), max(e.m, m) }

// NewShared returns memory for kernels that run one after the other.
func NewShared[T cpu.Float]() *Shared[T] { return &Shared[T]{strips: cpu.NewFreeList[strip[T]]()} }

// strip returns a strip for one goroutine, which puts it back into strips.
func (s *Shared[T]) strip() *strip[T] {
	if idle := s.strips.Get(); idle != nil {
		return idle
	}
	return &strip[T]{v: make([]T, s.single.v), m: make([]T, s.single.m)}
}

// lend hands a gatherer its memory, and takeBack takes it, which may have grown.
func (s *Shared[T]) lend(v, m *[]T) {
	*v, *m = cpu.AtLeast(&s.rounds.v, s.round.v), cpu.AtLeast(&s.rounds.m, s.round.m)
}

func (s *Shared[T]) takeBack(v, m *[]T) { s.rounds.v, s.rounds.m, *v, *m = *v, *m, nil, nil }

// Bytes is the memory that is taken.
func (s *Shared[T]) Bytes() int {
	size := func(s *strip[T]) int { return cpu.BytesOf(s.v, s.m) }
	return size(&s.rounds) + s.strips.Sum(size)
}

// Plans is the memory that will be taken.
func (s *Shared[T]) Plans() int {
	strips := min(s.goroutines, runtime.GOMAXPROCS(0))
	return cpu.SizeOf[T](s.round.v + s.round.m + strips*(s.single.v+s.single.m))
}

// Share makes the convolution use that memory.
func (c *Conv2d[T]) Share(s *Shared[T]) {
	c.rounds.shared = s
	if c.choose(nil); c.rounds.engine != nil {
		s.round.include(c.rounds.engine.extent())
	}
}

// Share makes the layer use that memory.
func (l *Layer[T]) Share(s *Shared[T]) {
	switch e := l.engine.(type) {
	case *tiled[T]:
		e.share(s)
	case *sliding[T]:
		e.share(l, s)
	}
}
