package mpi

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// This file is the cost model of README: what an exchange of gradients takes on up to
// 1,024 hosts, by a simulation of its messages. Nobody here has so many hosts; the
// assumptions are those of network, and what comes out is no better than they are.

// network is hosts with one rank each, at a switch that is never the bottleneck.
type network struct {
	latency   float64 // seconds from one host to another
	overhead  float64 // seconds of the processor for each message, sent or received
	bandwidth float64 // bytes a second, in each direction at a time
	add       float64 // bytes a second that a rank adds up
}

// ethernet25 is 25 Gbit/s Ethernet with TCP: 92 % of the wire's rate, and a quarter of a
// tenth of a millisecond from program to program.
var ethernet25 = network{latency: 25e-6, overhead: 3e-6, bandwidth: 0.92 * 25e9 / 8, add: 8e9}

// host is when a host's parts are free again.
type host struct{ cpu, out, in float64 }

// send moves a message, and returns when it has arrived and been taken.
func (n network) send(from, to *host, bytes float64) float64 {
	from.cpu += n.overhead
	from.out = max(from.out, from.cpu) + bytes/n.bandwidth
	// The message flows: its first byte arrives a latency after it has left.
	to.in = max(to.in, from.out-bytes/n.bandwidth+n.latency) + bytes/n.bandwidth
	return to.in + n.overhead
}

// exchange simulates a step's exchange of so many bytes of gradients, of which each rank
// sends k whole nodes of the tree, on so many ranks. It returns the seconds until the
// last one is done.
//
//	Alltoall    rank r sends rank r+1, r+2, … a piece of each of its nodes
//	sum         of its piece, over all nodes
//	Allgather   of the pieces, in a ring: N-1 rounds of one piece to the neighbour
//	            or by doubling: log₂N rounds, of 1, 2, 4, … pieces
func (n network) exchange(bytes float64, k, ranks int) float64 {
	if ranks == 1 {
		return 0
	}
	piece := bytes / float64(ranks)
	hosts, ready := make([]host, ranks), make([]float64, ranks)
	for d := 1; d < ranks; d++ {
		for r := range hosts {
			to := (r + d) % ranks
			ready[to] = max(ready[to], n.send(&hosts[r], &hosts[to], float64(k)*piece))
		}
	}
	for r := range ready {
		ready[r] += float64(k*(ranks-1)) * piece / n.add
	}
	return min(n.ring(ready, piece), n.doubling(ready, piece))
}

// ring is when all have all pieces, if each passes on what it got to its neighbour.
func (n network) ring(ready []float64, piece float64) (last float64) {
	ranks := len(ready)
	hosts, has := make([]host, ranks), make([]float64, ranks)
	copy(has, ready)
	for range ranks - 1 {
		next := make([]float64, ranks)
		for r := range hosts {
			to := (r + 1) % ranks
			hosts[r].cpu = max(hosts[r].cpu, has[r])
			next[to] = n.send(&hosts[r], &hosts[to], piece)
		}
		copy(has, next)
	}
	for _, t := range has {
		last = max(last, t)
	}
	return last
}

// doubling is when all have all pieces, if they pair up and swap all that they have.
func (n network) doubling(ready []float64, piece float64) (last float64) {
	ranks := len(ready)
	if ranks&(ranks-1) != 0 {
		return math.Inf(1)
	}
	hosts, has := make([]host, ranks), make([]float64, ranks)
	copy(has, ready)
	for d := 1; d < ranks; d *= 2 {
		next := make([]float64, ranks)
		for r := range hosts {
			to := r ^ d
			hosts[r].cpu = max(hosts[r].cpu, has[r])
			next[to] = max(next[to], n.send(&hosts[r], &hosts[to], float64(d)*piece))
		}
		copy(has, next)
	}
	for _, t := range has {
		last = max(last, t)
	}
	return last
}

// TestCostModel: two ranks cost what one can count by hand, more cost more, and no less
// than their bytes take on the wire. With -v it prints README's table.
func TestCostModel(t *testing.T) {
	n := ethernet25
	const bytes = 4 * 700_000
	piece := bytes / 2.0
	byHand := 2*(n.overhead+piece/n.bandwidth+n.latency+n.overhead) + piece/n.add
	if got := n.exchange(bytes, 1, 2); math.Abs(got-byHand) > 1e-9 {
		t.Errorf("two ranks take %g s, by hand %g", got, byHand)
	}
	var table strings.Builder
	for _, net := range []struct {
		parameters, step float64
	}{{0.7e6, 0.040}, {2.2e6, 0.250}, {25.6e6, 0.500}} {
		last := 0.0
		fmt.Fprintf(&table, "| %.1f M, %.0f ms |", net.parameters/1e6, 1e3*net.step)
		for _, ranks := range []int{2, 4, 8, 16, 64, 256, 1024} {
			took := n.exchange(4*net.parameters, 1, ranks)
			if wire := 2 * 4 * net.parameters * float64(ranks-1) / float64(ranks) / n.bandwidth; took < wire || took < last {
				t.Errorf("%g parameters on %d ranks take %g s, on fewer %g, on the wire alone %g", net.parameters, ranks, took, last, wire)
			}
			last = took
			fmt.Fprintf(&table, " %.1f ms, %.0f %% |", 1e3*took, 100*net.step/(net.step+took))
		}
		table.WriteString("\n")
	}
	t.Log("\n" + table.String())
}
