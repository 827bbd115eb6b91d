//go:build mpi && linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// The tests start this test binary under a launcher, with the variable child set to
// what it shall do there.
const child = "TAPENET_MPI_CHILD"

// children lists what a process under a launcher can be told to do. An error ends
// all of them with code 1.
var children = map[string]func(*Group) error{
	"join":     func(*Group) error { return nil },
	"exchange": exchangeAtRandom,
	"lengths":  exchangeOtherLengths,
	"kill":     func(g *Group) error { return gatherUntil(g, syscall.SIGKILL) },
	"stop":     func(g *Group) error { return gatherUntil(g, syscall.SIGSTOP) },
	"abort":    abortWhileOthersWait,
	"signal":   waitForSignal,
	"allocate": countAllocations,
	"speed":    measure,
	"mirror":   exchangeWithMirror,
}

func init() {
	if os.Getenv(child) != "" {
		runtime.LockOSThread() // the main goroutine to the main thread, which signals come to
	}
}

func TestMain(m *testing.M) {
	do, ok := children[os.Getenv(child)]
	if !ok {
		os.Exit(m.Run())
	}
	timeout, err := time.ParseDuration(os.Getenv(child + "_TIMEOUT"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	g, err := Join(Options{Timeout: timeout})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("rank %d of %d, process %d, %s, %s, hosts %q, GOMAXPROCS %d\n",
		g.Rank(), g.Size(), os.Getpid(), g.Launcher(), g.Library(), g.Hosts(), runtime.GOMAXPROCS(0))
	if err := do(g); err != nil {
		fmt.Println(err)
		g.Abort(1)
	}
	if err := g.Close(); err != nil {
		fmt.Println("close:", err)
		os.Exit(1)
	}
	fmt.Printf("rank %d is done\n", g.Rank())
	os.Exit(0)
}

// exchangeAtRandom calls Alltoall and Allgather with parts of random lengths, many of
// them empty, some of millions of bytes, once in single messages and once in pieces,
// and judges each byte that comes.
func exchangeAtRandom(g *Group) error {
	for _, piece := range []int{maxPiece, 1000} {
		maxPiece = piece
		random := rand.New(rand.NewPCG(1, 2)) // the same on all ranks
		for round := range 30 {
			if err := exchangeOnce(g, random, round); err != nil {
				return fmt.Errorf("rank %d, round %d, pieces of %d: %w", g.Rank(), round, piece, err)
			}
		}
	}
	return nil
}

// longest is the length of the longest parts of a round.
func longest(round int) int {
	if round == 7 && maxPiece > 1000 {
		return 6 << 20
	}
	return []int{0, 1, 10, 3000, 100_000}[round%5]
}

func exchangeOnce(g *Group, random *rand.Rand, round int) error {
	n, me := g.Size(), g.Rank()
	lengths := make([][]int, n) // from rank to rank
	for from := range lengths {
		lengths[from] = make([]int, n)
		for to := range lengths[from] {
			lengths[from][to] = max(0, random.IntN(longest(round)*3/2+1)-longest(round)/2)
		}
	}
	sendAt, recvAt, at := []int{3}, []int{0}, []int{5} // buffers need not begin with a part
	for r := range n {
		sendAt = append(sendAt, sendAt[r]+lengths[me][r])
		recvAt = append(recvAt, recvAt[r]+lengths[r][me])
		at = append(at, at[r]+lengths[r][0])
	}
	send, recv, want := make([]byte, sendAt[n]), make([]byte, recvAt[n]), make([]byte, recvAt[n])
	all, wantAll := make([]byte, at[n]+2), make([]byte, at[n]+2)
	for r := range n {
		fill(send[sendAt[r]:sendAt[r+1]], round, me, r)
		fill(want[recvAt[r]:recvAt[r+1]], round, r, me)
		fill(wantAll[at[r]:at[r+1]], round, r, n)
	}
	if err := g.Alltoall(send, sendAt, recv, recvAt); err != nil {
		return err
	}
	mine := bytes.Clone(wantAll[at[me]:at[me+1]])
	if round%2 == 0 { // in its place already
		mine = all[at[me]:at[me+1]]
		copy(mine, wantAll[at[me]:])
	}
	if err := g.Allgather(mine, all, at); err != nil {
		return err
	}
	if !bytes.Equal(recv, want) || !bytes.Equal(all, wantAll) {
		return fmt.Errorf("other bytes than were sent")
	}
	return nil
}

// fill fills a part with bytes that belong to it alone.
func fill(b []byte, round, from, to int) {
	random := rand.NewPCG(uint64(round), uint64(from*1000+to))
	for i := range b {
		b[i] = byte(random.Uint64())
	}
}

// exchangeOtherLengths lets rank 0 send less than rank 1 expects.
func exchangeOtherLengths(g *Group) error {
	if g.Rank() == 0 {
		return g.Alltoall(make([]byte, 10), []int{0, 0, 10}, nil, []int{0, 0, 0})
	}
	return g.Alltoall(nil, []int{0, 0, 0}, make([]byte, 20), []int{0, 20, 20})
}

// barrier waits for all ranks.
func barrier(g *Group) error {
	all, at := make([]byte, g.Size()), make([]int, g.Size()+1)
	for r := range at {
		at[r] = r
	}
	return g.Allgather([]byte{1}, all, at)
}

// gatherUntil lets the last rank send itself a signal while the others gather.
func gatherUntil(g *Group, s syscall.Signal) error {
	for i := 0; ; i++ {
		if i == 100 && g.Rank() == g.Size()-1 {
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				return err
			}
		}
		if err := barrier(g); err != nil {
			if again := g.Alltoall(nil, make([]int, g.Size()+1), nil, make([]int, g.Size()+1)); again != err {
				return fmt.Errorf("the call after an error returns %v, want the same one: %v", again, err)
			}
			return err
		}
	}
}

// abortWhileOthersWait ends the group from rank 1, where another goroutine waits in
// a call, as on all other ranks.
func abortWhileOthersWait(g *Group) error {
	if g.Rank() != 1 {
		return barrier(g)
	}
	go func() {
		sendAt := make([]int, g.Size()+1)
		_ = g.Alltoall(nil, sendAt, make([]byte, 1), append([]int{0}, slices.Repeat([]int{1}, g.Size())...))
	}()
	time.Sleep(200 * time.Millisecond)
	g.Abort(7)
	return nil
}

// waitForSignal waits for a signal on each rank, as Go delivers it, and then for
// the other ranks. It is busy while it waits, so that the signal finds the stack of a
// goroutine. Signals that Go makes panics of remain so, too.
func waitForSignal(g *Group) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1)
	if err := barrier(g); err != nil {
		return err
	}
	fmt.Println("ready")
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		select {
		case s := <-signals:
			if err := barrier(g); err != nil {
				return err
			}
			fmt.Printf("rank %d: %v has come to all\n", g.Rank(), s)
			return nil
		default:
			if err := touchNothing(nil); err == nil {
				return fmt.Errorf("rank %d: no panic", g.Rank())
			}
		}
	}
	return fmt.Errorf("rank %d: no signal", g.Rank())
}

// touchNothing returns the error of using an address where nothing is.
func touchNothing(p *[1 << 30]byte) (err error) {
	defer func() { err, _ = recover().(error) }()
	p[5]++ // below the first page: the processor finds out, and SIGSEGV comes
	return nil
}

// exchangeWithMirror is for the library in testdata, whose rank 1 answers each byte
// with its complement.
func exchangeWithMirror(g *Group) error {
	send, recv := make([]byte, 2500), make([]byte, 2500)
	all, at := make([]byte, 5000), []int{0, 2500, 5000}
	fill(send, 1, 2, 3)
	maxPiece = 1000
	if err := g.Alltoall(send, []int{0, 0, 2500}, recv, []int{0, 0, 2500}); err != nil {
		return err
	}
	maxPiece = 5000
	if err := g.Allgather(send, all, at); err != nil {
		return err
	}
	for i, b := range send {
		if recv[i] != ^b || all[i] != b || all[2500+i] != ^b {
			return fmt.Errorf("byte %d is %d from Alltoall, %d and %d from Allgather, want those of %d and its complement",
				i, recv[i], all[i], all[2500+i], b)
		}
	}
	return nil
}

// poolsForget is whether an exchange may allocate.
var poolsForget = false

// countAllocations fails if an exchange allocates.
func countAllocations(g *Group) error {
	e := newExchange(g, 1000)
	allocations := testing.AllocsPerRun(100, func() { e.run() })
	fmt.Printf("%v allocations\n", allocations)
	if e.err == nil && allocations > 0 && !poolsForget {
		return fmt.Errorf("rank %d: %v allocations in an exchange, want none", g.Rank(), allocations)
	}
	return e.err
}
