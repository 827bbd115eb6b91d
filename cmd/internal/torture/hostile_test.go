package torture

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTortureHostile has every reader read hostile files: damaged ones, and every third one
// built by the format's grammar. A trial is a thousand of them for one reader, in a process of
// its own whose memory is limited: no panic, and no file that takes more than two seconds
// or more memory than the reader states.
func TestTortureHostile(t *testing.T) {
	all := readers()
	few := 20
	full := os.Getenv(Folder) != "" || os.Getenv(Trial) != ""
	if full {
		few = 1000
	}
	Part{
		Name: "hostile", Short: len(all), Full: 100 * len(all),
		Failure:   "a thousand hostile files for a reader, a third of them built",
		Guarantee: "no panic, none above 2 s, memory within what the reader states",
	}.Run(t, func(t *testing.T, number int) string {
		r := all[number%len(all)]
		outcomes := readDamaged(t, r, number/len(all)*few, few)
		for outcome := range outcomes {
			if outcome != "read" && outcome != "refused" {
				t.Errorf("%s: %s", r.name, outcome)
			}
		}
		return r.name
	})
}

// TestGrammars: what a grammar writes is a file of its format while nothing odd is in it, so
// that what is odd comes as far as it can.
func TestGrammars(t *testing.T) {
	for _, r := range readers() {
		t.Run(r.name, func(t *testing.T) {
			files := r.files(t)
			t.Chdir(t.TempDir())
			for name, content := range files {
				put(t, name, content)
			}
			if outcome := r.protected(); outcome != "read" {
				t.Fatalf("the sound files are %s", outcome)
			}
			if r.damaged == nil {
				r.damaged = slices.Sorted(maps.Keys(files))
			}
			const tries, rare = 30, 1 << 30
			outcomes := map[string]int{}
			for number := range uint64(tries) {
				random := rand.New(rand.NewPCG(number, 7))
				name := r.damaged[random.IntN(len(r.damaged))]
				put(t, name, built(r.grammar(files[name]), rare, random))
				outcomes[r.protected()]++
				put(t, name, files[name])
			}
			if outcomes["read"] == 0 || outcomes["read"]+outcomes["refused"] != tries {
				t.Errorf("%s, want some that are read, and no panic", Text(outcomes))
			}
			t.Log(Text(outcomes))
		})
	}
}

// hostile is the variable that says which files a process is to read: the reader's name,
// the first file's number, how many, and the folder of the sound ones.
const hostile = "TAPENET_TORTURE_HOSTILE"

// readDamaged reads damaged files in a process of its own and counts what came of them.
func readDamaged(t *testing.T, r reader, first, n int) (outcomes map[string]int) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range r.files(t) {
		put(t, filepath.Join(dir, name), content)
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "TestHostileProcess", "-test.timeout", "10m")
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %s", hostile, r.name, first, n, dir), Folder+"=", Trial+"=")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	text, _ := os.ReadFile(filepath.Join(dir, outcomesFile))
	if json.Unmarshal(text, &outcomes); err != nil || outcomes == nil {
		at, _ := os.ReadFile(filepath.Join(dir, numberFile))
		t.Errorf("%s: the process died at file %s: %v\n%.2000s", r.name, at, err, out.String())
	}
	return outcomes
}

const (
	outcomesFile = "outcomes.json"
	numberFile   = "number"
)

// TestHostileProcess is the process that reads damaged files.
func TestHostileProcess(t *testing.T) {
	what := strings.Fields(os.Getenv(hostile))
	if len(what) != 4 {
		return // not such a process
	}
	all := readers()
	r := all[slices.IndexFunc(all, func(r reader) bool { return r.name == what[0] })]
	first, _ := strconv.Atoi(what[1])
	n, _ := strconv.Atoi(what[2])
	if err := os.Chdir(what[3]); err != nil {
		t.Fatal(err)
	}
	const addresses = 6 << 30
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: addresses, Max: addresses}); err != nil {
		t.Fatal(err)
	}
	files := folderOf(t, ".")
	if r.damaged == nil {
		r.damaged = slices.Sorted(maps.Keys(files))
	}
	outcomes := map[string]int{}
	for number := first; number < first+n; number++ {
		os.WriteFile(numberFile, []byte(strconv.Itoa(number)), 0o644)
		outcomes[r.one(t, files, number)]++
	}
	text, err := json.Marshal(outcomes)
	if err != nil {
		t.Fatal(err)
	}
	put(t, outcomesFile, text)
}

// one reads a damaged file, and returns what came of it.
func (r reader) one(t *testing.T, files map[string][]byte, number int) string {
	random := rand.New(rand.NewPCG(uint64(number), 6))
	name := r.damaged[random.IntN(len(r.damaged))]
	var content []byte
	if number%3 == 0 {
		content = built(r.grammar(files[name]), 4<<random.IntN(5), random)
	} else {
		content = damage(files[name], files[r.damaged[random.IntN(len(r.damaged))]], random)
	}
	put(t, name, content)
	defer put(t, name, files[name])
	const longest = 2 * time.Second
	before, allocated := processorTime(t), allocations()
	outcome := r.protected()
	switch took := processorTime(t) - before; {
	case strings.HasPrefix(outcome, "panic"):
		return fmt.Sprintf("file %d: %s", number, outcome)
	case took > longest:
		return fmt.Sprintf("file %d took %v", number, took)
	}
	if most := r.most(content); allocations()-allocated > uint64(most) { // garbage counted too
		if peak := peakOf(t, func() { r.protected() }); peak > most {
			return fmt.Sprintf("file %d of %d bytes took %d MB, want at most %d", number, len(content), peak>>20, most>>20)
		}
	}
	return outcome
}

// protected reads the files as they are.
func (r reader) protected() (outcome string) {
	defer func() {
		if p := recover(); p != nil {
			outcome = fmt.Sprintf("panic: %v\n%.1500s", p, debug.Stack())
		}
	}()
	err := r.read(".")
	switch {
	case err == nil:
		return "read"
	case strings.Contains(err.Error(), "panicked"):
		return "panic behind an error: " + err.Error()
	}
	return "refused"
}

// processorTime is what the process has used, which does not depend on other processes.
func processorTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// allocations is how many bytes the process has allocated since it began.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// peakOf is how many bytes more the process has, at most, while f runs. Linux forgets the
// peak before when 5 is written to clear_refs (proc(5)).
func peakOf(t *testing.T, f func()) int64 {
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
	before := status(t, "VmRSS")
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // garbage does not count
	f()
	return status(t, "VmHWM") - before
}

// status is a number of /proc/self/status, in bytes.
func status(t *testing.T, key string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), key+":")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}

// damage changes a file in one to eight ways. Another file's pieces may come into it.
func damage(file, other []byte, random *rand.Rand) []byte {
	b := slices.Clone(file)
	at := func() int { return random.IntN(len(b) + 1) }
	for range 1 + random.IntN(8) {
		if len(b) == 0 {
			break
		}
		k := random.IntN(len(b))
		if random.IntN(3) == 0 {
			k = random.IntN(min(len(b), 200)) // headers decide most
		}
		switch random.IntN(11) {
		case 0, 1:
			b[k] ^= 1 << random.IntN(8)
		case 2:
			b[k] = byte(random.IntN(256))
		case 3, 4: // a length or an address
			numbers := []uint64{0, 1, 1<<7 - 1, 1 << 7, 1<<8 - 1, 1 << 15, 1<<16 - 1, 1 << 20, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}
			var n [8]byte
			binary.LittleEndian.PutUint64(n[:], numbers[random.IntN(len(numbers))])
			if random.IntN(2) == 0 {
				slices.Reverse(n[:])
			}
			part := n[:]
			if random.IntN(2) == 0 {
				part = n[:4]
				if n[0] == 0 {
					part = n[4:]
				}
			}
			copy(b[k:], part)
		case 5:
			b = b[:at()]
		case 6:
			b = slices.Delete(b, k, min(len(b), k+1+random.IntN(64)))
		case 7: // a piece once more
			piece := slices.Clone(b[k:min(len(b), k+1+random.IntN(64))])
			b = slices.Insert(b, at(), piece...)
		case 8: // a piece very often
			piece := b[k:min(len(b), k+1+random.IntN(8))]
			b = slices.Insert(b, at(), bytes.Repeat(piece, random.IntN(5000))...)
		case 9:
			clear(b[k:min(len(b), k+random.IntN(4096))])
		case 10:
			if len(other) > 0 {
				o := random.IntN(len(other))
				b = slices.Insert(b, at(), other[o:min(len(other), o+random.IntN(256))]...)
			}
		}
	}
	return b
}
