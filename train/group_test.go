package train

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// board is where the goroutines of one process meet that are a group for tests.
type board struct {
	mu      sync.Mutex
	met     *sync.Cond
	size    int
	arrived int
	rounds  int
	posts   []post
	broken  error // once somebody has left, nobody meets any more
	calls   int   // of the first rank
	breakAt int   // the first rank's call that fails, from 1; 0 for none
}

// post is what a rank has for the others.
type post struct {
	bytes []byte
	at    []int
}

// member is one rank at a board.
type member struct {
	*board
	rank int
}

func (m member) Rank() int { return m.rank }
func (m member) Size() int { return m.size }

// newGroup returns the ranks of a group.
func newGroup(size int) []Group {
	b := &board{size: size, posts: make([]post, size)}
	b.met = sync.NewCond(&b.mu)
	all := make([]Group, size)
	for r := range all {
		all[r] = member{b, r}
	}
	return all
}

// meet waits for all ranks.
func (b *board) meet() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken != nil {
		return b.broken
	}
	round := b.rounds
	if b.arrived++; b.arrived == b.size {
		b.arrived, b.rounds = 0, b.rounds+1
		b.met.Broadcast()
	}
	for b.rounds == round && b.broken == nil {
		b.met.Wait()
	}
	if b.rounds > round {
		return nil // all were there, if one has left since
	}
	return b.broken
}

// leave says that a rank has ended: one that still waits for it would wait for ever.
func (b *board) leave(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken == nil {
		b.broken = err
	}
	b.met.Broadcast()
}

// exchange posts, and takes what the others have posted.
func (m member) exchange(mine post, take func(from int, p post)) error {
	if m.rank == 0 {
		if m.calls++; m.calls == m.breakAt {
			m.leave(errors.New("cut off"))
		}
	}
	m.posts[m.rank] = mine
	if err := m.meet(); err != nil {
		return err
	}
	for r, p := range m.posts {
		take(r, p)
	}
	return m.meet()
}

func (m member) Alltoall(send []byte, sendAt []int, recv []byte, recvAt []int) error {
	if len(sendAt) != m.size+1 || len(recvAt) != m.size+1 || sendAt[m.size] != len(send) || recvAt[m.size] != len(recv) {
		return fmt.Errorf("bounds %v of %d and %v of %d bytes", sendAt, len(send), recvAt, len(recv))
	}
	return m.exchange(post{send, sendAt}, func(from int, p post) {
		if n := copy(recv[recvAt[from]:recvAt[from+1]], p.bytes[p.at[m.rank]:p.at[m.rank+1]]); n != p.at[m.rank+1]-p.at[m.rank] {
			panic(fmt.Sprintf("rank %d sends %d bytes, rank %d takes %d", from, p.at[m.rank+1]-p.at[m.rank], m.rank, n))
		}
	})
}

func (m member) Allgather(mine, all []byte, at []int) error {
	if len(at) != m.size+1 || at[m.size] != len(all) || at[m.rank+1]-at[m.rank] != len(mine) {
		return fmt.Errorf("bounds %v of %d bytes, for %d", at, len(all), len(mine))
	}
	return m.exchange(post{bytes: mine}, func(from int, p post) { copy(all[at[from]:at[from+1]], p.bytes) })
}

// outcome is what Fit returns on a rank.
type outcome struct {
	*Result
	err error
}

// fitGroup fits on the ranks of a group of so many, each with a network and a dataset
// of its own. edit, if not nil, changes a rank's settings and dataset.
func fitGroup(t *testing.T, size int, l func() graph.Layer, d func() data.Dataset, c Config, edit func(rank int, c *Config, d *data.Dataset)) []outcome {
	t.Helper()
	return fitRanks(t, newGroup(size), l, d, c, edit)
}

func fitRanks(t *testing.T, group []Group, l func() graph.Layer, d func() data.Dataset, c Config, edit func(rank int, c *Config, d *data.Dataset)) []outcome {
	t.Helper()
	all := make([]outcome, len(group))
	var done sync.WaitGroup
	for r, g := range group {
		done.Go(func() {
			c, d := c, d()
			c.Group = g
			if edit != nil {
				edit(r, &c, &d)
			}
			all[r].Result, all[r].err = Fit(t.Context(), l(), d, c)
			if all[r].err != nil {
				g.(member).leave(fmt.Errorf("rank %d has left: %w", r, all[r].err))
			} else {
				g.(member).leave(fmt.Errorf("rank %d is done", r))
			}
		})
	}
	done.Wait()
	return all
}
