// Package tensorboard writes what a run comes to as TensorBoard reads it.
//
//	train.Config{Dir: "runs/cnn", Callbacks: []train.Callback{&tensorboard.Log{Dir: "runs/cnn"}}}
//
// and tensorboard --logdir runs shows all runs in one folder. Nothing of
// TensorFlow is needed: an event file is a sequence of records with checksums,
// each a protocol buffer.
package tensorboard

import (
	"bytes"
	"cmp"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"tapenet/graph"
	"tapenet/train"
)

// Log is a [train.Callback] that appends each epoch to an event file, which it
// begins with the first one, and with the network's graph, as its layers made
// it. A run that goes on begins another file, as TensorBoard expects, which says from which
// epoch on it counts: that may be one that an earlier file has too.
type Log struct {
	train.Ignore
	Dir string // that of the run; it must be there

	path string
}

// Epoch writes the numbers of an epoch by the names of their JSON, and a
// picture of the first layer's filters, if it is a convolution.
func (l *Log) Epoch(net *graph.Network, e train.Epoch) error {
	now := time.Now()
	var b []byte
	if l.path == "" {
		l.path = filepath.Join(l.Dir, fmt.Sprintf("events.out.tfevents.%d.tapenet", now.UnixMicro()))
		layers, err := graph.Options{Weights: net.Weights, NoFusion: true}.Build(net.Layer, graph.Infer, append([]int{1}, net.Input...)...)
		if err != nil {
			return fmt.Errorf("tensorboard: graph: %w", err)
		}
		b = appendRecord(b, version(now))
		b = appendRecord(b, network(now, layers.Nodes()))
		if e.Epoch > 1 {
			b = appendRecord(b, goesOn(now, e.Epoch))
		}
	}
	values := []message{
		scalar("loss", e.Loss), scalar("accuracy", e.Accuracy),
		scalar("val_loss", e.ValLoss), scalar("val_accuracy", e.ValAccuracy),
		scalar("learning_rate", e.LearningRate),
	}
	if e.Attacked > 0 {
		values = append(values, scalar("attacked_accuracy", e.Attacked))
	}
	filters, err := firstFilters(net)
	if err != nil {
		return err
	}
	if filters != nil {
		var file bytes.Buffer
		img := draw(filters)
		if err := png.Encode(&file, img); err != nil {
			return fmt.Errorf("tensorboard: filters: %w", err)
		}
		size := img.Bounds().Size()
		values = append(values, picture("filters", size.Y, size.X, file.Bytes()))
	}
	return l.write(appendRecord(b, summary(now, e.Epoch, values...)))
}

// write appends to the file.
func (l *Log) write(b []byte) error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	_, err = f.Write(b)
	if err := cmp.Or(err, f.Close()); err != nil {
		return fmt.Errorf("tensorboard: %w", err)
	}
	return nil
}
