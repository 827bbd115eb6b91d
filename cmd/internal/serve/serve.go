// Package serve is the command that answers HTTP and gRPC requests with trained
// networks.
package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/regular"
	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc"
)

// Command is the command.
var Command = cli.Command{Name: "serve", Doc: "answer HTTP and gRPC requests with models, and serve a page", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("serve", "-model DIR | -models FOLDER [flags]\n-health URL [-cert FILE]",
		"Answers HTTP and gRPC requests with trained networks: the Open Inference Protocol V2, TensorFlow Serving's predict, POST /classify, and a page to try the networks with.", stdout)
	c, a, token, asked, asJSON, verbose := serve.Config{}, addresses{}, "", "", false, false
	f.StringVar(&c.Model, "model", "", "folder of a run, as in runs/cnn, or a model file")
	f.StringVar(&c.Models, "models", "", "folder of such folders, as in runs; a model's sub-folders 1, 2, … are its versions")
	f.StringVar(&c.Name, "name", "", "the name of -model (default that of its folder or file)")
	f.DurationVar(&c.Reload, "reload", 2*time.Second, "look for new and changed models so often; less than 0 is never")

	f.Group("Addresses")
	f.StringVar(&a.http, "addr", "127.0.0.1:8080", "address to listen at; port 0 is any free one")
	f.StringVar(&a.grpc, "grpc", "", "address to answer gRPC at, as in 127.0.0.1:8081 (default none)")
	f.StringVar(&a.admin, "admin", "", "address to answer /metrics and /debug/pprof/ at, as in 127.0.0.1:9090; /metrics leaves the others (default none)")
	f.StringVar(&asked, "health", "", "ask the server at `URL`, as in http://127.0.0.1:8080, whether it is ready, and end: with exit code 0 if it is; -cert is the certificate to want from it")

	f.Group("Who may call")
	f.StringVar(&c.Cert, "cert", "", "PEM `FILE` with a certificate: speak TLS alone, and HTTP/2 too; read again when it changes (default none)")
	f.StringVar(&c.Key, "key", "", "PEM `FILE` with the certificate's key")
	f.StringVar(&token, "token", "", "`FILE` with the bearer token that clients have to send (default none)")
	f.Func("origin", "a `SITE` whose pages may call the server, as in https://app.example; also a name that the server has at a loopback address, behind a proxy; several by several flags (default none)", func(origin string) error {
		c.Origins = append(c.Origins, origin)
		return nil
	})

	f.Group("Speed")
	f.IntVar(&c.Batch, "batch", 32, "run at most so many images together")
	f.DurationVar(&c.Wait, "wait", 0, "an image waits at most so long for others to join its batch")
	f.IntVar(&c.Queue, "queue", 512, "at most so many images wait for each model; more get status 429")

	f.Group("Limits")
	f.DurationVar(&c.Timeout, "timeout", 5*time.Second, "answer within so long, or with status 504")
	f.Int64Var(&c.Body, "body", 64<<20, "a request's body has at most so many `BYTES`, unpacked too")
	f.Int64Var(&c.Memory, "memory", 0, "requests take at most so many `BYTES` at one time, pictures unpacked; 0 is 1 GB, or a quarter of what is available if that is less")
	f.Int64Var(&c.ModelMemory, "model-memory", 0, "all models together take at most so many `BYTES`, with the graphs of all batches; 0 is half of what is available")
	cli.MaxPixels(f, &c.MaxPixels)
	f.DurationVar(&c.Read, "read", 30*time.Second, "a request comes within so long")
	f.DurationVar(&c.Idle, "idle", 2*time.Minute, "a connection without request ends after so long")
	f.IntVar(&c.Connections, "connections", 1024, "at most so many connections are open at each address; one that waits for its client gives way to another")
	f.IntVar(&c.Streams, "streams", 128, "a connection of HTTP/2 has at most so many requests at a time")
	f.DurationVar(&c.Grace, "grace", 30*time.Second, "after an interrupt finish requests within so long")

	f.Group("The log")
	f.BoolVar(&asJSON, "json", false, "log in JSON")
	f.BoolVar(&verbose, "v", false, "log every request, not only those that fail")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := f.NoArguments(); err != nil {
		return err
	}
	if token != "" {
		var err error
		if c.Token, err = readToken(token); err != nil {
			return err
		}
	}
	if asked != "" {
		return health(ctx, asked, c, stdout)
	}
	if (c.Model == "") == (c.Models == "") {
		return cli.Usagef("serve: want one of -model DIR and -models FOLDER, as in -model runs/cnn")
	}
	if (c.Cert == "") != (c.Key == "") {
		return cli.Usagef("serve: want both -cert FILE and -key FILE, or none of them")
	}
	c.Log = logger(stderr, asJSON, verbose)
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

// maxText bounds the bytes of a certificate and of a token.
const maxText = 1 << 20

func readToken(file string) (string, error) {
	text, err := regular.Read(file, maxText)
	if err != nil {
		return "", fmt.Errorf("serve: token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("serve: %s is empty, want a token in it", file)
	}
	return token, nil
}

// addresses are where to listen; those of gRPC and for operators may be empty.
type addresses struct{ http, grpc, admin string }

// listen serves and prints where.
func listen(ctx context.Context, c serve.Config, a addresses, stdout io.Writer) error {
	sockets, err := handedOver()
	if err != nil {
		return err
	}
	c.MetricsApart = a.admin != "" || sockets["admin"] != nil
	c.Origins = append(c.Origins, origin(a.http)...)
	s, err := serve.New(c)
	if err != nil {
		return err
	}
	var doors []serve.Also
	lines, scheme := "", "http"
	if c.Cert != "" {
		scheme = "https"
	}
	for _, d := range []struct {
		name, addr, gives, line string
		handler                 http.Handler
		http2                   bool
	}{
		{"http", a.http, "use the models", "serving at " + scheme + "://%[1]s\ntry them at " + scheme + "://%[1]s/\n", s, false},
		{"grpc", a.grpc, "use the models", "gRPC at %s\n", grpc.Handler(s), true},
		{"admin", a.admin, "read metrics and profiles", "metrics and profiles at " + scheme + "://%s\n", admin(ctx, s), false},
	} {
		l, handed := sockets[d.name]
		if !handed && d.addr == "" && d.name != "http" {
			continue
		}
		if !handed {
			l, err = open(c, d.addr, d.gives)
		}
		if err != nil {
			for _, open := range doors {
				open.Listener.Close()
			}
			s.Close()
			return err
		}
		doors = append(doors, serve.Also{Listener: l, Handler: d.handler, HTTP2: d.http2})
		lines += fmt.Sprintf(d.line, l.Addr())
	}
	io.WriteString(stdout, lines)
	return s.Serve(ctx, doors[0].Listener, doors[1:]...)
}

// origin is the address's name as a page has it, if it has one: clients at this machine may
// use it as they use localhost.
func origin(addr string) []string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || net.ParseIP(host) != nil {
		return nil
	}
	return []string{"http://" + net.JoinHostPort(host, port)}
}

// handedOver are the sockets that systemd, or who speaks its protocol of LISTEN_FDS
// (sd_listen_fds(3)), has opened for the command, by what they are for: those named grpc
// and admin, and one of any other name for HTTP. They take the place of addresses.
func handedOver() (map[string]net.Listener, error) {
	sockets := map[string]net.Listener{}
	for _, f := range activation.Files(true) {
		name := f.Name()
		if name != "grpc" && name != "admin" {
			name = "http"
		}
		l, err := net.FileListener(f)
		f.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("serve: the socket %s of LISTEN_FDS: %w", f.Name(), err)
		case sockets[name] != nil:
			return nil, fmt.Errorf("serve: a second socket for %s, %s, of LISTEN_FDS: want one, and names grpc and admin for the others (FileDescriptorName=)", name, f.Name())
		}
		sockets[name] = l
	}
	return sockets, nil
}

// open listens at an address, and warns of one that needs no token.
func open(c serve.Config, addr, gives string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && c.Token == "" {
		c.Log.Warn("anyone who reaches this address can "+gives+": want -token FILE?", "address", l.Addr().String())
	}
	return l, nil
}
