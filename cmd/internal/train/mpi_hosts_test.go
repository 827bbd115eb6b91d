//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two hosts are two network namespaces, each with its own host name, with a cable
// between them.
const (
	cable      = "10.213.77.0/24"
	hostA      = "10.213.77.1"
	hostB      = "10.213.77.2"
	linkBroken = 15 * time.Second // the longest until all ranks are gone
)

// hosts are the namespaces of a test.
type hosts struct {
	a, b  string
	agent string // a program that runs a command on a host, as ssh does
}

// twoHosts makes them.
func twoHosts(t *testing.T) hosts {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip: apt-get install iproute2")
	}
	h := hosts{a: fmt.Sprintf("tapenet%da", os.Getpid()), b: fmt.Sprintf("tapenet%db", os.Getpid())}
	t.Cleanup(func() {
		_ = exec.Command("ip", "netns", "del", h.a).Run()
		_ = exec.Command("ip", "netns", "del", h.b).Run()
	})
	for _, line := range []string{
		"netns add " + h.a, "netns add " + h.b,
		"-n " + h.a + " link add cable type veth peer name cable netns " + h.b,
		"-n " + h.a + " address add " + hostA + "/24 dev cable", "-n " + h.b + " address add " + hostB + "/24 dev cable",
		"-n " + h.a + " link set lo up", "-n " + h.b + " link set lo up",
		"-n " + h.a + " link set cable up", "-n " + h.b + " link set cable up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Skipf("needs network namespaces: ip %s: %v: %s", line, err, out)
		}
	}
	for _, host := range []string{h.a, h.b} { // the kernel takes a second to say that the link is up
		for range 500 {
			out, _ := exec.Command("ip", "-n", host, "link", "show", "cable").Output()
			if strings.Contains(string(out), "state UP") {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	h.agent = filepath.Join(t.TempDir(), "agent")
	script := fmt.Sprintf(`#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
case $1 in %s) host=%s ;; *) host=%s ;; esac
shift
exec ip netns exec $host unshare --uts sh -c "hostname $host; $*"
`, hostA, h.a, h.b)
	if err := os.WriteFile(h.agent, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// start starts three ranks, one on the first host, where the launcher is, two on the
// other one.
func (h hosts) start(t *testing.T, l launcher, args ...string) *job {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line := []string{"ip", "netns", "exec", h.a, "unshare", "--uts", "sh", "-c", "hostname " + h.a + `; exec "$0" "$@"`, l.command}
	if l.name == "Open MPI" {
		line = append(line, strings.Fields(`--bind-to none --oversubscribe --mca pml ob1 --mca btl self,vader,tcp --mca btl_tcp_if_include `+cable+
			` --mca oob_tcp_if_include `+cable+` --mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3
			-x TAPENET_TEST_COMMAND -x TAPENET_TEST_JOB -x GOMAXPROCS --mca plm_rsh_agent `+h.agent+` --host `+hostA+`:1,`+hostB+`:2`)...)
	} else {
		line = append(line, "-launcher", "ssh", "-launcher-exec", h.agent, "-localhost", hostA, "-hosts", hostA+":1,"+hostB+":2", "-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", "cable")
	}
	line = append(append(append(line, "-n", "3"), self), args...)
	return startJob(t, l, exec.Command(line[0], line[1:]...), []string{"GOMAXPROCS=1"})
}

// TestMPITwoHosts trains on two hosts with the hash of one process, and pulls the cable.
func TestMPITwoHosts(t *testing.T) {
	needLong(t)
	forEach(t, func(t *testing.T, l, other launcher) {
		h := twoHosts(t)
		args := mpiArgs(t, lasting, "-epochs", "3")
		want := alone(t, args...)
		j := h.start(t, l, append(args, "-out", filepath.Join(t.TempDir(), "x"))...)
		if got := j.sum(); got != want {
			t.Errorf("hash %s, want %s:\n%s", got, want, j.all())
		}
		if who := fmt.Sprintf(" (%s 1, %s 2)\n", h.a, h.b); !strings.Contains(j.out.String(), who) {
			t.Errorf("no %q:\n%s", who, j.all())
		}
		addRow(t, "\nTwo hosts, 1 and 2 ranks, %s: `%s`, as alone.", l.name, want)
		h.pull(t, l)
	})
}

// pull pulls the cable in the middle of a run.
func (h hosts) pull(t *testing.T, l launcher) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "x")
	args := mpiArgs(t, lasting, "-epochs", "4000", "-out", dir)
	what := "the cable is pulled, TCP keepalive"
	if l.name == "MPICH" {
		what, args = "the cable is pulled, -timeout 5s", append(args, "-timeout", "5s")
	}
	j := h.start(t, l, args...).until("epoch 2/")
	if out, err := exec.Command("ip", "-n", h.b, "link", "set", "cable", "down").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	code, seconds := j.end(noHang)
	if seconds > linkBroken.Seconds() || code == 0 || !whole(t, dir) {
		t.Errorf("%s: gone after %.1f s with exit code %d, want an error within %v and a whole checkpoint:\n%s", what, seconds, code, linkBroken, j.all())
	}
	headFailures(t)
	addRow(t, "| %s | %s | %.1f | %d | %s |", what, l.name, seconds, code, errorLine(j))
}
