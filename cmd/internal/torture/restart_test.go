package torture

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tapenet/modelzoo/open"
)

// TestTortureRestart restarts a server that has its socket from elsewhere, as systemd does:
// the old one is told to end, and when it has ended the new one begins.
func TestTortureRestart(t *testing.T) {
	const perSecond, clients = 500, 20
	v := makeVariants(t)
	model := filepath.Join(t.TempDir(), "m")
	put(t, filepath.Join(model, open.ModelFile), v.files[0])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	begin := func() *server { // which goes on after a trial
		// The shell has the number of the process that it becomes.
		c := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, program(t, "serve"))
		c.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=http")
		c.ExtraFiles = []*os.File{socket}
		return served(t, c, "-model", model, "-name", "m", "-admin", "127.0.0.1:0", "-timeout", "1m")
	}
	s := begin()
	url := s.url

	ctx, stop := context.WithCancel(t.Context())
	var sending sync.WaitGroup
	var asked atomic.Int64
	var mu sync.Mutex
	var failures []error
	kept, once := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for n := range clients {
		c := kept
		if n%2 == 0 {
			c = once
		}
		sending.Go(func() {
			tick := time.NewTicker(time.Second * clients / perSecond)
			defer tick.Stop()
			for i := n; ctx.Err() == nil; i++ {
				err := v.ask(t.Context(), overClassify(c, url), i%len(v.pictures))
				asked.Add(1)
				if err != nil {
					mu.Lock()
					failures = append(failures, err)
					mu.Unlock()
				}
				<-tick.C
			}
		})
	}
	Part{
		Name: "restart", Short: 2, Full: 30,
		Failure:   "a restart by SIGTERM with the socket handed over (LISTEN_FDS), under 500 requests a second on kept and on new connections",
		Guarantee: "no request is lost",
	}.Run(t, func(t *testing.T, number int) string {
		before := asked.Load()
		s.stop(t)
		s = begin()
		settles(t, "requests after the restart", func() bool { return asked.Load() > before+perSecond/2 })
		mu.Lock()
		defer mu.Unlock()
		for _, f := range failures {
			t.Errorf("lost: %v", f)
		}
		failures = nil
		return "none lost"
	})
	stop()
	sending.Wait()
	s.stop(t)
	t.Logf("%d requests", asked.Load())
}
