package mpi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// recorder is an engine that notes the calls that reach it.
type recorder struct {
	calls []string
	err   error
}

func (r *recorder) alltoall(_ []byte, _ []int, _ []byte, _ []int) error { return r.call("alltoall") }
func (r *recorder) allgather(_ []byte, _ []int) error                   { return r.call("allgather") }
func (r *recorder) finalize() error                                     { return r.call("finalize") }
func (r *recorder) abort(code int)                                      { _ = r.call(fmt.Sprint("abort ", code)) }

func (r *recorder) call(name string) error {
	r.calls = append(r.calls, name)
	return r.err
}

// TestArguments: wrong arguments come back as errors and reach no library.
func TestArguments(t *testing.T) {
	for _, c := range []struct {
		name string
		call func(g *Group) error
		want string
	}{
		{"few sendAt", func(g *Group) error { return g.Alltoall(nil, []int{0, 0}, nil, []int{0, 0, 0}) }, "sendAt has 2 elements, want 3"},
		{"many recvAt", func(g *Group) error { return g.Alltoall(nil, []int{0, 0, 0}, nil, []int{0, 0, 0, 0}) }, "recvAt has 4 elements, want 3"},
		{"falling", func(g *Group) error { return g.Alltoall(make([]byte, 9), []int{5, 4, 9}, nil, []int{0, 0, 0}) }, "sendAt is [5 4 9], want ascending"},
		{"below the buffer", func(g *Group) error { return g.Allgather(nil, nil, []int{-1, 0, 0}) }, "at is [-1 0 0], want ascending"},
		{"beyond the buffer", func(g *Group) error { return g.Allgather(make([]byte, 2), make([]byte, 3), []int{0, 2, 4}) }, "within the 3 bytes"},
		{"mine", func(g *Group) error { return g.Allgather(make([]byte, 1), make([]byte, 4), []int{0, 2, 4}) }, "rank 1 has 1 bytes, want the 2"},
		{"to itself", func(g *Group) error { return g.Alltoall(make([]byte, 2), []int{0, 0, 2}, nil, []int{0, 0, 0}) }, "sends itself 2 bytes and receives 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{}
			err := c.call(&Group{rank: 1, size: 2, engine: r})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
			if len(r.calls) > 0 {
				t.Errorf("%v reached the library, want none", r.calls)
			}
		})
	}
}

// TestOwnPart: what a rank has for itself goes no way through a library.
func TestOwnPart(t *testing.T) {
	g := &Group{rank: 1, size: 2, engine: &recorder{}}
	recv, all := make([]byte, 3), make([]byte, 4)
	if err := g.Alltoall([]byte{1, 2, 3}, []int{0, 1, 3}, recv, []int{0, 1, 3}); err != nil || !slices.Equal(recv, []byte{0, 2, 3}) {
		t.Errorf("Alltoall: %v, %v, want 0 2 3", recv, err)
	}
	if err := g.Allgather([]byte{7}, all, []int{1, 2, 3}); err != nil || !slices.Equal(all, []byte{0, 0, 7, 0}) {
		t.Errorf("Allgather: %v, %v, want 0 0 7 0", all, err)
	}
}

// TestClose waits for all ranks and leaves once; a broken group is not left.
func TestClose(t *testing.T) {
	r := &recorder{}
	g := &Group{size: 1, engine: r}
	for range 2 {
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"allgather", "finalize"}; !slices.Equal(r.calls, want) {
		t.Errorf("Close calls %v, want %v", r.calls, want)
	}
	if err := g.Allgather(nil, nil, []int{0, 0}); err != errEnded {
		t.Errorf("Allgather after Close: %v, want %v", err, errEnded)
	}
	broken := &recorder{err: errors.New("broken")}
	if err := (&Group{size: 1, engine: broken}).Close(); err != broken.err || slices.Contains(broken.calls, "finalize") {
		t.Errorf("Close of a broken group: %v after %v, want %v and no finalize", err, broken.calls, broken.err)
	}
}

// TestAbortReachesEngine, with a code that says that something went wrong.
func TestAbortReachesEngine(t *testing.T) {
	r := &recorder{}
	(&Group{size: 1, engine: r}).Abort(0)
	if !slices.Equal(r.calls, []string{"abort 1"}) {
		t.Errorf("Abort(0) calls %v, want abort 1", r.calls)
	}
}
