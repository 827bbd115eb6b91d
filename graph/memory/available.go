// Package memory says what memory the machine has left and what the process has.
//
// It is asked before something large is begun: so that a run that cannot have its memory
// is refused in a line, rather than killed by the system in the middle.
package memory

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// Batch is how many images, of this shape, are run through a network at a time where
// nothing else is said: 128, and of large ones so few that they are as much as 128 of
// 64×64 pixels in colour. More would take more memory, and more time for it too.
func Batch(image []int) int {
	const most, values = 128, 128 * 3 * 64 * 64
	size := 1
	for _, d := range image {
		size *= d
	}
	return max(1, min(most, values/size))
}

// Available is the memory that the process can still take without driving the
// machine into swapping, or out of the limits of its control group and of its address
// space (ulimit -v), in bytes. Only Linux tells it.
func Available() (n int, known bool) { return available(os.DirFS("/")) }

// available reads the files of Linux: what the kernel takes for available, and
// what the limits of the process's groups leave, the group's and those above it.
func available(root fs.FS) (n int, known bool) {
	n, known = meminfo(root)
	for _, g := range groups(root) {
		if left, limited := g.left(root); limited && (!known || left < n) {
			n, known = left, true
		}
	}
	if left, limited := addresses(root); limited && (!known || left < n) {
		n, known = left, true
	}
	return n, known
}

// addresses is what the limit of the process's address space leaves.
func addresses(root fs.FS) (n int, limited bool) {
	limits, err := fs.ReadFile(root, "proc/self/limits")
	if err != nil {
		return 0, false
	}
	_, line, _ := bytes.Cut(limits, []byte("Max address space"))
	if _, err := fmt.Sscan(string(line), &n); err != nil { // "unlimited"
		return 0, false
	}
	pages := 0
	statm, err := fs.ReadFile(root, "proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &pages)
	}
	return max(0, n-pages*os.Getpagesize()), err == nil
}

// meminfo is MemAvailable.
func meminfo(root fs.FS) (n int, known bool) {
	file, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, false
	}
	_, line, _ := bytes.Cut(file, []byte("MemAvailable:"))
	_, err = fmt.Sscan(string(line), &n)
	return n << 10, err == nil
}

// group is a control group with its names for the limit, the use and, in its
// statistics, the pages of files that can be dropped.
type group struct{ dir, limit, use, cache string }

// groups lists the process's groups that may limit memory, and those above them.
func groups(root fs.FS) (all []group) {
	file, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(file)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // number:controllers:path
		if len(part) < 3 {
			continue
		}
		g := group{"sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"}
		if part[1] == "memory" {
			g = group{"sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
		} else if part[1] != "" {
			continue // another controller of version 1
		}
		top := g.dir
		for dir := path.Clean("/" + part[2]); ; dir = path.Dir(dir) {
			g.dir = path.Join(top, dir)
			all = append(all, g)
			if dir == "/" {
				break
			}
		}
	}
	return all
}

// left is what a group's limit leaves. A container sees its own group at the top,
// whatever path it has outside: the others are not there then.
func (g group) left(root fs.FS) (n int, limited bool) {
	number := func(name string) (int, bool) {
		text, err := fs.ReadFile(root, path.Join(g.dir, name))
		if err != nil {
			return 0, false
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text))) // "max" is no limit
		return n, err == nil
	}
	limit, ok := number(g.limit)
	use, used := number(g.use)
	if !ok || !used {
		return 0, false
	}
	if stat, err := fs.ReadFile(root, path.Join(g.dir, "memory.stat")); err == nil {
		for line := range strings.Lines(string(stat)) {
			if cache, found := strings.CutPrefix(line, g.cache+" "); found {
				pages, _ := strconv.Atoi(strings.TrimSpace(cache))
				use -= pages
			}
		}
	}
	return max(0, limit-max(0, use)), true
}

// Resident is the memory that the process has, in bytes: on Linux what is resident,
// elsewhere what the Go runtime has from the system.
func Resident() int {
	var size, pages int
	file, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(file), &size, &pages)
	}
	if err == nil {
		return pages * os.Getpagesize()
	}
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int(s.Sys)
}

// Text writes a number of bytes in millions, as in "151 MB".
func Text(bytes int) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }
