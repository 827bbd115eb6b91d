package serve

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics shows. Labels have values of the server's own
// alone: whatever clients send, their number is bounded.
type metrics struct {
	registry *prometheus.Registry
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	loaded   *prometheus.GaugeVec
	queue    *prometheus.GaugeVec
	wait     *prometheus.HistogramVec
	batch    *prometheus.HistogramVec

	connections prometheus.Gauge
	closed      prometheus.Counter
}

// modelMetrics are those of one version of a model.
type modelMetrics struct {
	queue       prometheus.Gauge
	wait, batch prometheus.Observer
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		duration: histogram("request_duration_seconds", "Time from a request's header to its answer; model is empty where none was found.",
			prometheus.ExponentialBuckets(0.0005, 2, 15), "model", "version", "endpoint", "code"),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tapenet", Name: "errors_total",
			Help: "Requests that failed, by kind."}, []string{"model", "version", "endpoint", "kind"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tapenet", Name: "model_loads_total",
			Help: "Attempts to load a model; after one with result error the former one goes on."}, []string{"model", "version", "result"}),
		loaded: gauge("model_load_timestamp_seconds", "When the model that serves was loaded."),
		queue:  gauge("queue_images", "Images that wait for a batch."),
		wait:   histogram("queue_wait_seconds", "Time that an image waits for its batch.", prometheus.ExponentialBuckets(0.0001, 2, 15), "model", "version"),
		batch:  histogram("batch_images", "Images of a batch.", prometheus.ExponentialBuckets(1, 2, 8), "model", "version"),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tapenet", Name: "connections",
			Help: "Open connections."}),
		closed: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tapenet", Name: "connections_closed_total",
			Help: "Connections that waited for their clients and were closed in favour of others."}),
	}
	m.registry.MustRegister(m.duration, m.errors, m.reloads, m.loaded, m.queue, m.wait, m.batch, m.connections, m.closed,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tapenet", Name: name, Help: help, Buckets: buckets}, labels)
}

func gauge(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tapenet", Name: name, Help: help}, []string{"model", "version"})
}

func (m *metrics) of(p place) modelMetrics {
	return modelMetrics{
		queue: m.queue.WithLabelValues(p.name, p.version),
		wait:  m.wait.WithLabelValues(p.name, p.version),
		batch: m.batch.WithLabelValues(p.name, p.version),
	}
}

// unseen are metrics that /metrics does not show.
func unseen() modelMetrics {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{})
	return modelMetrics{prometheus.NewGauge(prometheus.GaugeOpts{}), h, h}
}

// load counts an attempt to load a model.
func (m *metrics) load(p place, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	} else {
		m.loaded.WithLabelValues(p.name, p.version).SetToCurrentTime()
	}
	m.reloads.WithLabelValues(p.name, p.version, result).Inc()
}

// forget drops the series of a model that is no longer served.
func (m *metrics) forget(p place) {
	labels := prometheus.Labels{"model": p.name, "version": p.version}
	for _, v := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{m.duration, m.errors, m.reloads, m.loaded, m.queue, m.wait, m.batch} {
		v.DeletePartialMatch(labels)
	}
}

// request counts a request that was answered; f is nil for success.
func (m *metrics) request(p place, endpoint string, f *failure, d time.Duration) {
	status := http.StatusOK
	if f != nil {
		status = f.status
		m.errors.WithLabelValues(p.name, p.version, endpoint, f.kind).Inc()
	}
	m.duration.WithLabelValues(p.name, p.version, endpoint, strconv.Itoa(status)).Observe(d.Seconds())
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
