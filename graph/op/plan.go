package op

import (
	"cmp"
	"slices"

	"gorgonia.org/gorgonia"
)

// plan says where the values of a sequence lie that nobody needs after a run: in
// one arena, where those that are alive at the same time do not overlap. The zero
// value leaves all values where they are.
type plan struct {
	placed []*life
	kept   []*life // needed after a run: these have memory of their own
	size   int     // of the arena, in bytes
	ready  bool    // there is the arena
}

// life is a result, from the instruction that writes it to the last one that
// reads it, both included.
type life struct {
	memory
	first, last int
	kept        bool
	at          int // first byte in the arena
}

// memory is a result as a plan sees it.
type memory interface {
	bytes() int
	arena(bytes int) any
	place(arena any, at int)
}

// access is what an instruction does to memory.
type access struct {
	reads   []int // operands, by number
	writes  []memory
	value   memory // where its value lies; nil means where an operand's does:
	operand int    // this one's
}

// upTo lists the numbers below n.
func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

// Plan lets the ops share memory, from the next run on, which must be the first.
// After a run only the values of the given nodes, and of the last node, are there;
// they are the same tensors at every run. See [Want], which comes before.
func (s *Sequence) Plan(results gorgonia.Nodes) {
	s.plan = plan{}
	for _, l := range s.lives(results) {
		if l.kept {
			s.plan.kept = append(s.plan.kept, l)
		} else {
			s.plan.placed = append(s.plan.placed, l)
		}
	}
	s.plan.size = arrange(s.plan.placed)
}

// lives follows the instructions, and lists the results in the order in which
// they are written.
func (s *Sequence) lives(results gorgonia.Nodes) []*life {
	var lives []*life
	of := map[memory]*life{}
	values := make([]*life, len(s.values)) // by slot; nil for a tensor from outside
	for k, i := range s.instructions {
		a := i.op.access()
		for _, j := range a.reads {
			if l := values[i.from[j]]; l != nil {
				l.last = k
			}
		}
		for _, m := range a.writes {
			of[m] = &life{memory: m, first: k, last: k}
			lives = append(lives, of[m])
		}
		if values[i.to] = of[a.value]; a.value == nil {
			values[i.to] = values[i.from[a.operand]]
		}
	}
	for n, slot := range s.slots {
		if l := values[slot]; l != nil && (slices.Contains(results, n) || slot == len(values)-1) {
			l.kept = true
		}
	}
	return lives
}

// arrange places results in an arena, the largest first, each at the lowest place
// that is free for all its life (Pisarchyk and Lee 2020, greedy by size). It
// returns the arena's size.
func arrange(lives []*life) (size int) {
	bySize := slices.Clone(lives)
	slices.SortStableFunc(bySize, func(a, b *life) int { return cmp.Compare(b.bytes(), a.bytes()) })
	var placed []*life // in the order of their places
	for _, l := range bySize {
		for _, other := range placed {
			if other.last < l.first || l.last < other.first {
				continue
			}
			if l.at+l.room() <= other.at {
				break
			}
			l.at = max(l.at, other.at+other.room())
		}
		i, _ := slices.BinarySearchFunc(placed, l, func(a, b *life) int { return cmp.Compare(a.at, b.at) })
		placed = slices.Insert(placed, i, l)
		size = max(size, l.at+l.room())
	}
	return size
}

// room is what a result takes in an arena: whole cache lines.
func (l *life) room() int { return (l.bytes() + 63) &^ 63 }

// provide allocates the arena, at the first call.
func (p *plan) provide() (err error) {
	if p.ready || len(p.placed) == 0 {
		return nil
	}
	defer func() { err = recovered(recover(), "Sequence", err) }()
	arena := p.placed[0].arena(p.size)
	for _, l := range p.placed {
		l.place(arena, l.at)
	}
	p.ready = true
	return nil
}

// Bytes is the memory that a sequence with a plan takes: for the values that are
// there after a run, for the others, and for what the ops keep besides. The ops
// allocate that when they first need it, so it grows in the first runs.
func (s *Sequence) Bytes() (results, values, workspaces int) {
	for _, l := range s.plan.kept {
		results += l.bytes()
	}
	for _, i := range s.instructions {
		if w, ok := i.op.(interface{ workspace() int }); ok {
			workspaces += w.workspace()
		}
	}
	return results, s.plan.size, workspaces
}
