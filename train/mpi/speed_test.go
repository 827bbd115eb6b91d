//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"slices"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// exchange is what training does with a vector of gradients: each rank gets its
// slice of the vector from all others, and gives the sum back to them.
type exchange struct {
	g                 *Group
	vector, parts     []byte
	vectorAt, partsAt []int
	err               error
}

// newExchange is an exchange of n floats.
func newExchange(g *Group, n int) *exchange {
	e := &exchange{g: g, vector: make([]byte, 4*n)}
	for r := range g.Size() + 1 {
		e.vectorAt = append(e.vectorAt, 4*(n*r/g.Size()))
	}
	own := e.vectorAt[g.Rank()+1] - e.vectorAt[g.Rank()]
	for r := range g.Size() + 1 {
		e.partsAt = append(e.partsAt, r*own)
	}
	e.parts = make([]byte, g.Size()*own)
	return e
}

// run is one exchange, with the sum left out.
func (e *exchange) run() {
	if e.err == nil {
		e.err = e.g.Alltoall(e.vector, e.vectorAt, e.parts, e.partsAt)
	}
	if e.err == nil {
		own := e.vector[e.vectorAt[e.g.Rank()]:e.vectorAt[e.g.Rank()+1]]
		e.err = e.g.Allgather(own, e.vector, e.vectorAt)
	}
}

// add is the sum, by a plain loop.
func (e *exchange) add() {
	sum := floats(e.vector[e.vectorAt[e.g.Rank()]:e.vectorAt[e.g.Rank()+1]])
	copy(sum, floats(e.parts[:e.partsAt[1]]))
	for r := 1; r < e.g.Size(); r++ {
		for i, x := range floats(e.parts[e.partsAt[r]:e.partsAt[r+1]]) {
			sum[i] += x
		}
	}
}

func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// measure compares an exchange of 0.7 million floats with the library's own sum, in
// turns, and tells the latency of the smallest calls.
func measure(g *Group) error {
	const n, turns = 700_000, 15
	e, small := newExchange(g, n), newExchange(g, g.Size())
	sum := allreduce(g, n)
	var ours, sums, theirs, smallest []float64
	for range turns {
		ours = append(ours, milliseconds(20, e.run))
		sums = append(sums, milliseconds(20, e.add))
		theirs = append(theirs, milliseconds(20, sum))
		smallest = append(smallest, milliseconds(200, small.run))
	}
	if e.err != nil || small.err != nil {
		return fmt.Errorf("exchange: %v, %v", e.err, small.err)
	}
	if g.Rank() == 0 {
		fmt.Printf("speed: %s, %d ranks, 0.7 M floats: Alltoall and Allgather %.2f ms, the sum between them %.2f ms, MPI_Allreduce %.2f ms; of one float each %.1f us\n",
			g.Library(), g.Size(), median(ours), median(sums), median(theirs), 1000*median(smallest))
	}
	return nil
}

// milliseconds is the time of one call, of several.
func milliseconds(calls int, f func()) float64 {
	f()
	begin := time.Now()
	for range calls {
		f()
	}
	return time.Since(begin).Seconds() * 1000 / float64(calls)
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// allreduce is MPI_Allreduce of n floats, MPI_SUM: the calls and handles that the
// package itself has no use for.
func allreduce(g *Group, n int) func() {
	p := g.engine.(*process)
	float, add := uintptr(0x4c00040a), uintptr(0x58000003) // of MPICH
	if p.world > 1<<31 {                                   // addresses: Open MPI
		float, _ = purego.Dlsym(p.handle, "ompi_mpi_float")
		add, _ = purego.Dlsym(p.handle, "ompi_mpi_op_sum")
	}
	function, err := p.symbol("MPI_Allreduce")
	if err != nil {
		panic(err)
	}
	from, to := make([]byte, 4*n), make([]byte, 4*n)
	forever.Pin(&from[0])
	forever.Pin(&to[0])
	call := func() error {
		return p.call("MPI_Allreduce", function, address(from), address(to), uintptr(n), float, add, p.world)
	}
	return func() {
		if err := p.run("MPI_Allreduce", call, arguments{}); err != nil {
			panic(err)
		}
	}
}
