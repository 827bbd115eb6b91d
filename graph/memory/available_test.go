package memory

import (
	"os"
	"runtime"
	"testing"
	"testing/fstest"
)

// TestAvailable reads the files that Linux has in three situations, and in none.
func TestAvailable(t *testing.T) {
	const meminfo = "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:    6000000 kB\nBuffers: 1 kB\n"
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, tt := range []struct {
		name  string
		files fstest.MapFS
		want  int
		known bool
	}{
		{"another system", fstest.MapFS{}, 0, false},
		{"no groups", fstest.MapFS{"proc/meminfo": file(meminfo)}, 6000000 << 10, true},
		{"an old kernel", fstest.MapFS{"proc/meminfo": file("MemTotal: 8000000 kB\n")}, 0, false},
		{"groups without limits", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/cgroup": file("0::/user/job\n"),
			"sys/fs/cgroup/user/job/memory.max": file("max\n"), "sys/fs/cgroup/user/job/memory.current": file("1000\n"),
		}, 6000000 << 10, true},
		{"a limit of the group above", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/cgroup": file("0::/user/job\n"),
			"sys/fs/cgroup/user/job/memory.max": file("max\n"), "sys/fs/cgroup/user/job/memory.current": file("1000\n"),
			"sys/fs/cgroup/user/memory.max": file("5000000\n"), "sys/fs/cgroup/user/memory.current": file("2000000\n"),
			"sys/fs/cgroup/user/memory.stat": file("anon 1\ninactive_file 500000\nactive_file 7\n"),
		}, 3500000, true},
		{"more than the limit", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/cgroup": file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("5000000\n"), "sys/fs/cgroup/memory.current": file("6000000\n"),
		}, 0, true},
		{"version 1, as a container sees it", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/cgroup": file("5:cpu,memoryless:/x\n4:memory:/docker/abc\n3:pids:/x\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9000000\n"), "sys/fs/cgroup/memory/memory.usage_in_bytes": file("3000000\n"),
			"sys/fs/cgroup/memory/memory.stat": file("inactive_file 5\ntotal_inactive_file 1000000\n"),
		}, 7000000, true},
		{"a limit of addresses", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/statm": file("1000 7 7 1 0 9 0\n"),
			"proc/self/limits": file("Limit  Soft Limit  Hard Limit  Units\nMax address space         1500000000           unlimited            bytes     \nMax file locks unlimited\n"),
		}, 1500000000 - 1000*os.Getpagesize(), true},
		{"no limit of addresses", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/statm": file("1000 7 7 1 0 9 0\n"),
			"proc/self/limits": file("Max address space         unlimited            unlimited            bytes     \n"),
		}, 6000000 << 10, true},
		{"damaged", fstest.MapFS{
			"proc/meminfo": file("MemAvailable: many kB\n"), "proc/self/cgroup": file("0\n\n0::/../..\n"),
			"sys/fs/cgroup/memory.max": file("x\n"), "sys/fs/cgroup/memory.current": file("\n"),
		}, 0, false},
	} {
		if got, known := available(tt.files); got != tt.want || known != tt.known {
			t.Errorf("%s: %d, %v, want %d, %v", tt.name, got, known, tt.want, tt.known)
		}
	}
}

// TestResident: memory that is written to counts.
func TestResident(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skipf("the system does not tell what is resident: %v", err)
	}
	const size = 64 << 20
	before := Resident()
	b := make([]byte, size)
	for i := range b {
		b[i] = 1
	}
	if grown := Resident() - before; grown < size*9/10 {
		t.Errorf("%d bytes more are resident, want the %d that were written", grown, size)
	}
	runtime.KeepAlive(b)
}

func TestBatch(t *testing.T) {
	for _, tt := range []struct {
		image []int
		want  int
	}{{[]int{1, 28, 28}, 128}, {[]int{3, 64, 64}, 128}, {[]int{3, 65, 64}, 126}, {[]int{3, 224, 224}, 10}, {[]int{3, 4000, 4000}, 1}, {nil, 128}} {
		if got := Batch(tt.image); got != tt.want {
			t.Errorf("Batch(%v) = %d, want %d", tt.image, got, tt.want)
		}
	}
}
