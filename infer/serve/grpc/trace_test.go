package grpc

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"tapenet/infer/serve"
	"tapenet/infer/serve/grpc/inference"
)

// TestTrace: the trace of the metadata's traceparent is in a request's log line.
func TestTrace(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	var log bytes.Buffer
	s := start(t, func(c *serve.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	if _, err := client(t, s.grpc).ServerLive(ctx, &inference.ServerLiveRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), " msg=request method=GRPC ") || !strings.Contains(log.String(), " trace_id="+trace+"\n") {
		t.Errorf("log %s", log.String())
	}
}
