//go:build mpi && linux && (amd64 || arm64)

package mpi

import "testing"

// on is the card of a process that may run on some processors of a machine.
func on(host, machine string, cpus ...int) (c card) {
	copy(c.host[:], host)
	copy(c.machine[:], machine)
	for _, cpu := range cpus {
		c.mask[cpu/8] |= 1 << (cpu % 8)
	}
	return c
}

func TestShare(t *testing.T) {
	all := on("a", "1", 0, 1, 2, 3, 4, 5, 6, 7)
	for _, c := range []struct {
		name  string
		cards []card
		most  int // of rank 0
		want  int
	}{
		{"alone", []card{all}, 8, 8},
		{"two that may run everywhere", []card{all, all}, 8, 4},
		{"three of eight", []card{all, all, all}, 8, 2},
		{"another machine", []card{all, on("b", "2", 0, 1, 2, 3)}, 8, 8},
		{"bound to processors of their own", []card{on("a", "1", 0, 1, 2), on("a", "1", 3, 4, 5)}, 3, 3},
		{"bound to processors that two share", []card{on("a", "1", 0, 1, 2), on("a", "1", 1, 2, 3)}, 3, 2},
		{"more processes than processors", []card{on("a", "1", 0), on("a", "1", 0), on("a", "1", 0)}, 1, 1},
		{"a container's quota", []card{all, all}, 4, 2},
		{"two containers on a machine", []card{all, on("b", "1", 0, 1, 2, 3, 4, 5, 6, 7)}, 8, 4},
		{"two containers with a quota each", []card{all, on("b", "1", 0, 1, 2, 3, 4, 5, 6, 7)}, 3, 3},
		{"processors beyond the first word", []card{on("a", "1", 500, 1001), on("a", "1", 501)}, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := share(0, c.cards, c.most); got != c.want {
				t.Errorf("share is %d, want %d", got, c.want)
			}
		})
	}
}

// TestOwnCard: this process runs somewhere.
func TestOwnCard(t *testing.T) {
	c := ownCard()
	cpus := 0
	for cpu := range maxMask * 8 {
		cpus += c.bit(cpu)
	}
	if c.hostName() == "" || c.machine == [40]byte{} || cpus == 0 {
		t.Errorf("host %q, machine %q, %d processors, want some of each", c.hostName(), c.machine, cpus)
	}
}
