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
	"tapenet/infer/serve/grpc"
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("serve", "-model DIR | -models FOLDER [flags]",
		"answers HTTP and gRPC requests with trained networks: the Open Inference Protocol V2, TensorFlow Serving's predict, POST /classify, and a page to draw on", stderr)
	c, a, token, asJSON, verbose := serve.Config{}, addresses{}, "", false, false
	f.StringVar(&c.Model, "model", "", "folder of a run, as in runs/cnn, or a model file")
	f.StringVar(&c.Models, "models", "", "folder of such folders, as in runs; a model's sub-folders 1, 2, … are its versions")
	f.StringVar(&a.http, "addr", "127.0.0.1:8080", "address to listen at; port 0 is any free one")
	f.StringVar(&a.grpc, "grpc", "", "address to answer gRPC at, as in 127.0.0.1:8081 (default none)")
	f.StringVar(&c.Cert, "cert", "", "PEM `file` with a certificate: speak TLS alone, and HTTP/2 too; read again when it changes (default none)")
	f.StringVar(&c.Key, "key", "", "PEM `file` with the certificate's key")
	f.StringVar(&token, "token", "", "`file` with the bearer token that clients have to send (default none)")
	f.IntVar(&c.Batch, "batch", 32, "run at most so many images together")
	f.DurationVar(&c.Wait, "wait", 0, "an image waits at most so long for others to join its batch")
	f.IntVar(&c.Queue, "queue", 512, "at most so many images wait for each model; more get status 429")
	f.DurationVar(&c.Timeout, "timeout", 5*time.Second, "answer within so long, or with status 504")
	f.Int64Var(&c.Body, "body", 32<<20, "a request's body has at most so many `bytes`, unpacked too")
	f.Int64Var(&c.Memory, "memory", 128<<20, "requests take at most so many `bytes` at one time, pictures unpacked")
	f.DurationVar(&c.Read, "read", 30*time.Second, "a request comes within so long")
	f.DurationVar(&c.Idle, "idle", 2*time.Minute, "a connection without request ends after so long")
	f.IntVar(&c.Connections, "connections", 1024, "at most so many connections are open")
	f.IntVar(&c.Streams, "streams", 128, "a connection of HTTP/2 has at most so many requests at a time")
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
	if (c.Cert == "") != (c.Key == "") {
		return cli.Usagef("serve: want both -cert FILE and -key FILE, or none of them")
	}
	c.Log = logger(stderr, asJSON, verbose)
	if token != "" {
		var err error
		if c.Token, err = readToken(token); err != nil {
			return err
		}
	}
	return listen(ctx, c, a, stdout)
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

// addresses are where to listen; grpc may be empty.
type addresses struct{ http, grpc string }

// listen serves and prints where.
func listen(ctx context.Context, c serve.Config, a addresses, stdout io.Writer) error {
	s, err := serve.New(c)
	if err != nil {
		return err
	}
	l, err := open(c, a.http)
	if err != nil {
		s.Close()
		return err
	}
	scheme := "http"
	if c.Cert != "" {
		scheme = "https"
	}
	lines := fmt.Sprintf("serving at %s://%s\ndraw a digit at %[1]s://%[2]s/\n", scheme, l.Addr())
	var also []serve.Also
	if a.grpc != "" {
		g, err := open(c, a.grpc)
		if err != nil {
			l.Close()
			s.Close()
			return err
		}
		also = []serve.Also{{Listener: g, Handler: grpc.Handler(s), HTTP2: true}}
		lines += fmt.Sprintf("gRPC at %s\n", g.Addr())
	}
	io.WriteString(stdout, lines)
	return s.Serve(ctx, l, also...)
}

// open listens at an address, and warns of one that needs no token.
func open(c serve.Config, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && c.Token == "" {
		c.Log.Warn("anyone who reaches this address can use the models: want -token FILE?", "address", l.Addr().String())
	}
	return l, nil
}
