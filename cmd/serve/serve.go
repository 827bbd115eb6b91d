package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/infer/serve"
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("serve", "-model DIR | -models FOLDER [flags]",
		"answers HTTP requests with trained networks: the Open Inference Protocol V2, TensorFlow Serving's predict, POST /classify, and a page to draw on", stderr)
	c, addr, token, asJSON, verbose := serve.Config{}, "", "", false, false
	f.StringVar(&c.Model, "model", "", "folder of a run, as in runs/cnn, or a model file")
	f.StringVar(&c.Models, "models", "", "folder of such folders, as in runs; a model's sub-folders 1, 2, … are its versions")
	f.StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen at; port 0 is any free one")
	f.StringVar(&token, "token", "", "`file` with the bearer token that clients have to send (default none)")
	f.IntVar(&c.Batch, "batch", 32, "run at most so many images together")
	f.DurationVar(&c.Wait, "wait", 0, "an image waits at most so long for others to join its batch")
	f.IntVar(&c.Queue, "queue", 512, "at most so many images wait for each model; more get status 429")
	f.DurationVar(&c.Timeout, "timeout", 5*time.Second, "answer within so long, or with status 504")
	f.Int64Var(&c.Body, "body", 16<<20, "a request's body has at most so many `bytes`")
	f.Int64Var(&c.Memory, "memory", 128<<20, "requests take at most so many `bytes` at one time, pictures unpacked")
	f.DurationVar(&c.Read, "read", 30*time.Second, "a request comes within so long")
	f.DurationVar(&c.Idle, "idle", 2*time.Minute, "a connection without request ends after so long")
	f.IntVar(&c.Connections, "connections", 1024, "at most so many connections are open")
	f.DurationVar(&c.Reload, "reload", 2*time.Second, "look for new and changed models so often; less than 0 is never")
	f.DurationVar(&c.Grace, "grace", 30*time.Second, "after an interrupt finish requests within so long")
	f.BoolVar(&asJSON, "json", false, "log in JSON")
	f.BoolVar(&verbose, "v", false, "log every request, not only those that fail")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if err := cli.NoArguments(f); err != nil {
		return err
	}
	if (c.Model == "") == (c.Models == "") {
		return cli.Usagef("serve: want one of -model DIR and -models FOLDER, as in -model runs/cnn")
	}
	c.Log = logger(stderr, asJSON, verbose)
	if token != "" {
		var err error
		if c.Token, err = readToken(token); err != nil {
			return err
		}
	}
	return listen(ctx, c, addr, stdout)
}

func logger(w io.Writer, asJSON, verbose bool) *slog.Logger {
	o := &slog.HandlerOptions{}
	if verbose {
		o.Level = slog.LevelDebug
	}
	if asJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func readToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("serve: token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("serve: %s is empty, want a token in it", file)
	}
	return token, nil
}

// listen serves and prints where.
func listen(ctx context.Context, c serve.Config, addr string, stdout io.Writer) error {
	s, err := serve.New(c)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		s.Close()
		return fmt.Errorf("serve: %w", err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && c.Token == "" {
		c.Log.Warn("anyone who reaches this address can use the models: want -token FILE?", "address", l.Addr().String())
	}
	fmt.Fprintf(stdout, "serving at http://%s\ndraw a digit at http://%[1]s/\n", l.Addr())
	return s.Serve(ctx, l)
}
