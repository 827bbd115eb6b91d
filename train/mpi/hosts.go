//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// card is what a process tells the others of where it runs: the name of its machine,
// and what its threads may run on.
type card struct {
	host    [64]byte      // HOST_NAME_MAX
	machine [40]byte      // the same for all processes of one kernel, containers included
	mask    [maxMask]byte // a bit for each processor
}

const (
	maxMask    = 8192 / 8
	sizeOfCard = 64 + 40 + maxMask
)

// ownCard fills in the card of this process. Where the system does not tell which
// boot this is, the machine goes by its host name.
func ownCard() (c card) {
	name, _ := os.Hostname()
	copy(c.host[:], name)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte(name)
	}
	copy(c.machine[:], strings.TrimSpace(string(boot)))
	syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, maxMask, uintptr(unsafe.Pointer(&c.mask)))
	return c
}

// exchangeCards tells all processes where each of them runs.
func exchangeCards(g *Group) ([]card, error) {
	own := ownCard()
	mine := make([]byte, 0, sizeOfCard)
	mine = append(append(append(mine, own.host[:]...), own.machine[:]...), own.mask[:]...)
	all, at := make([]byte, g.size*sizeOfCard), make([]int, g.size+1)
	for r := range at {
		at[r] = r * sizeOfCard
	}
	if err := g.Allgather(mine, all, at); err != nil {
		return nil, err
	}
	cards := make([]card, g.size)
	for r := range cards {
		b := all[at[r]:at[r+1]]
		copy(cards[r].host[:], b)
		copy(cards[r].machine[:], b[len(own.host):])
		copy(cards[r].mask[:], b[len(own.host)+len(own.machine):])
	}
	return cards, nil
}

func (c *card) hostName() string {
	name, _, _ := bytes.Cut(c.host[:], []byte{0})
	return string(name)
}

// shareProcessors divides the processors of the machine between the processes on it,
// unless the environment sets GOMAXPROCS.
func shareProcessors(rank int, cards []card) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(share(rank, cards, runtime.GOMAXPROCS(0)))
	}
}

// share is how many threads a process shall run, of the most that it may (its
// processors, or what its container allows). A processor on which k processes may run
// counts as 1/k: that is right for processes that may run everywhere and for those
// that a launcher has bound to processors of their own.
func share(rank int, cards []card, most int) int {
	own := &cards[rank]
	var users [maxMask * 8]int
	together := 0
	for r := range cards {
		if cards[r].machine != own.machine {
			continue
		}
		if cards[r].host == own.host {
			together++
		}
		for cpu := range users {
			users[cpu] += cards[r].bit(cpu)
		}
	}
	sum, cpus := 0.0, 0
	for cpu, n := range users {
		if own.bit(cpu) == 1 {
			sum += 1 / float64(n)
			cpus++
		}
	}
	if most < cpus { // what the container allows, its processes share
		sum = min(sum, float64(most)/float64(together))
	}
	return max(1, int(sum+1e-6))
}

// bit is 1 if the process may run on a processor.
func (c *card) bit(cpu int) int { return int(c.mask[cpu/8] >> (cpu % 8) & 1) }
