// Package label is the command that serves a page that sorts a folder of pictures into
// classes, takes pictures from a camera, trains on them and shows what the network
// sees.
package label

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/modelzoo/open"
)

// options are the flags.
type options struct {
	data, model, from, out, addr string
	maxPixels                    int
}

// Command is the command.
var Command = cli.Command{Name: "label", Doc: "sort pictures into classes on a page, and train on them", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("label", "-data DIR [flags]",
		"Serves a page that sorts a folder of pictures into its sub-folders, one a class, takes pictures from a camera, trains on them and shows what the network sees.", stdout)
	var o options
	f.StringVar(&o.data, "data", "", "folder with a sub-folder of pictures for each class; those beside these folders or in one called unsorted have no class yet")
	f.StringVar(&o.model, "model", "", "folder of a run, as in runs/photos, or a model file, whose guesses are shown (default none before the first training)")
	f.StringVar(&o.from, "from", "", "train a new head on the features of this model, as train -from does (default a network of its own)")
	f.StringVar(&o.out, "out", "", "folder for the run of a training (default runs/<the folder's name>)")
	f.StringVar(&o.addr, "addr", "127.0.0.1:8090", "address to listen at; port 0 is any free one")
	cli.MaxPixels(f, &o.maxPixels)
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := f.NoArguments(); err != nil {
		return err
	}
	if o.data == "" {
		return cli.Usagef("label: want -data DIR, a folder of pictures, as in -data photos")
	}
	if err := o.complete(); err != nil {
		return err
	}
	s, err := newServer(o)
	if err != nil {
		return err
	}
	defer s.close()
	cli.Notes(stderr, o.notes())
	return s.listen(ctx, o.addr, stdout, stderr)
}

// complete names the run.
func (o *options) complete() error {
	if o.out != "" {
		return nil
	}
	dir, err := filepath.Abs(o.data)
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	o.out = filepath.Join("runs", filepath.Base(dir))
	return nil
}

// notes say what may be missed.
func (o options) notes() []string {
	if _, err := os.Stat(filepath.Join(o.out, open.ModelFile)); err != nil || o.model != "" {
		return nil
	}
	return []string{fmt.Sprintf("%s has a model of an earlier training: -model %[1]s shows its guesses", o.out)}
}

// grace is how long requests under way may take at the end.
const grace = 5 * time.Second

// listen serves the page until ctx ends. A training that goes on then is stopped, and
// saved by itself, before listen returns.
func (s *server) listen(ctx context.Context, addr string, stdout, stderr io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	fmt.Fprintf(stdout, "sort pictures at http://%s/\n", l.Addr())
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		cli.Notes(stderr, []string{"anyone who reaches " + l.Addr().String() + " can see, move and add pictures, and train"})
	}
	h := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 3 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	go s.guesses.work(ctx)
	select {
	case err = <-ended:
	case <-ctx.Done():
		wait, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if err := h.Shutdown(wait); err != nil {
			h.Close()
		}
	}
	if stopped := s.training.stop(); stopped != "" {
		fmt.Fprintln(stdout, stopped)
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}
