package train

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"tapenet/graph"
	"tapenet/infer/serve/guard"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/report"
)

// pages are what a run shows as HTML: a report at its end, and the same page
// served while it goes on, if the flags say so.
type pages struct {
	show   *display
	set    data.Dataset
	net    *graph.Network
	tested func(*report.Report) // adds the test's result, nil without one
	lanes  int                  // of the run that ended
	ranks  []train.RankTime     // likewise
	loss   graph.Loss           // that train.Fit minimises
	live   *report.Live         // nil without -dashboard
	server *http.Server         // of live
}

// openPages begins to serve the dashboard.
func openPages(show *display, set data.Dataset, loss graph.Loss) (*pages, error) {
	p := &pages{show: show, set: set, loss: loss}
	if show.dashboard == "" {
		return p, nil
	}
	listener, err := net.Listen("tcp", local(show.dashboard))
	if err != nil {
		return nil, fmt.Errorf("train: dashboard: %w", err)
	}
	names := guard.Names(listener.Addr())
	if name, _, err := net.SplitHostPort(show.dashboard); err == nil && names != nil {
		names = append(names, name)
	}
	g, err := guard.New(names, nil)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("train: dashboard: %w", err)
	}
	p.live = report.NewLive(show.out, set)
	p.live.Settings(show.listed())
	p.server = &http.Server{Handler: g.Handler(p.live), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	go p.server.Serve(listener) // ends with close
	show.printf("dashboard: http://%s/\n", listener.Addr())
	return p, nil
}

// local is the address with this machine's own as the default: "true" is what
// -dashboard alone gives, and asks for any free port.
func local(address string) string {
	if address == "true" {
		return "127.0.0.1:0"
	}
	if host, port, err := net.SplitHostPort(address); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// Start is the train.Callback's.
func (p *pages) Start(net *graph.Network, at train.Progress) error {
	p.net = net
	if p.live == nil {
		return nil
	}
	return p.live.Start(net, at)
}

// Batch is the train.Callback's.
func (p *pages) Batch(at train.Progress) {
	p.show.batch(at)
	if p.live != nil {
		p.live.Batch(at)
	}
}

// Epoch is the train.Callback's.
func (p *pages) Epoch(net *graph.Network, e train.Epoch) error {
	p.show.epoch(e)
	if p.live == nil {
		return nil
	}
	return p.live.Epoch(net, e)
}

// ended takes over the network of a run that ended well. It keeps the weights and
// gives back the memory of the run's graphs: evaluation and report make smaller
// ones of their own.
func (p *pages) ended(res *train.Result) (err error) {
	p.net, err = graph.NewNetwork(p.net.Layer, p.net.Input, graph.Options{Weights: p.net.Weights, Loss: p.loss})
	p.lanes, p.ranks, res.Network = res.Lanes, res.Ranks, nil
	runtime.GC() // now, as the heap may grow to twice its size before it is done by itself
	runtime.GC() // what the first one finalized, such as Gorgonia's machines
	return err
}

// test evaluates the dataset's own test part, for display and report.
func (p *pages) test(ctx context.Context, samples data.Samples) error {
	loss, accuracy, err := p.show.test(ctx, p.net, samples)
	p.tested = func(r *report.Report) { r.Tested(loss, accuracy) }
	return err
}

// end writes the report of a run that ended well, shows it on the dashboard and
// ends that. It returns the run's error or its own.
func (p *pages) end(ctx context.Context, err error) error {
	var r *report.Report
	if err == nil && p.show.report {
		r, err = p.write(ctx)
	}
	if p.live != nil {
		p.live.End(r)
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		p.server.Shutdown(wait) // so that browsers get the last page
		p.server.Close()
	}
	return err
}

func (p *pages) write(ctx context.Context) (*report.Report, error) {
	r, err := report.New(ctx, p.show.out, p.net, p.set)
	if err != nil {
		return nil, err
	}
	r.Settings(p.show.listed())
	if p.tested != nil {
		p.tested(r)
	}
	if p.show.team.Group != nil {
		r.Shared(p.lanes, p.ranks, p.show.team.Hosts())
	}
	path := filepath.Join(p.show.out, report.File)
	if err := r.Save(path); err != nil {
		return nil, err
	}
	if !r.HasCard() {
		p.show.printf("the report is in %s\n", path)
		return r, nil
	}
	card := filepath.Join(p.show.out, report.CardFile)
	if err := r.SaveCard(card); err != nil {
		return nil, err
	}
	p.show.printf("the report is in %s, the model card in %s\n", path, card)
	return r, nil
}
