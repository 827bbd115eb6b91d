package data

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tapenet/graph/weights"
	"tapenet/train/data"
)

// pack writes a dataset as shards to a folder that must not exist. The training
// samples are mixed, so that every shard has all classes. The folder appears
// when it is complete.
func pack(ctx context.Context, d data.Dataset, o options, stderr io.Writer) (err error) {
	dir := filepath.Clean(o.pack)
	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("data: %s is there already, want a new folder for the shards", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	partial := dir + ".partial"
	if err := os.Mkdir(partial, 0o755); err != nil {
		return fmt.Errorf("data: the folder for shards that are not complete yet: %w", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(partial)
		}
	}()
	names := strings.Join(d.Classes, "\n") + "\n"
	if err := weights.WriteFile(filepath.Join(partial, "classes.txt"), func(w io.Writer) error { _, err := io.WriteString(w, names); return err }); err != nil {
		return err
	}
	if err := o.writeShards(ctx, partial, "train", d.Train, d.Shape, data.Order(d.Train, o.seed, 0), stderr); err != nil {
		return err
	}
	if d.Validation != nil {
		if err := o.writeShards(ctx, partial, "val", d.Validation, d.Shape, data.InOrder(d.Validation.Len()), stderr); err != nil {
			return err
		}
	}
	if err := o.writeShards(ctx, partial, "test", d.Test, d.Shape, data.InOrder(d.Test.Len()), stderr); err != nil {
		return err
	}
	return os.Rename(partial, dir)
}

func (o options) writeShards(ctx context.Context, dir, part string, s data.Samples, shape [3]int, order []int, stderr io.Writer) error {
	for n := 0; n*o.shard < len(order); n++ {
		of := order[n*o.shard : min((n+1)*o.shard, len(order))]
		name := fmt.Sprintf("%s-%06d.tar", part, n)
		err := weights.WriteFile(filepath.Join(dir, name), func(w io.Writer) error {
			return data.WriteShard(w, cancellable{s, ctx}, shape, of)
		})
		if ctx.Err() != nil {
			return fmt.Errorf("data: stopped in %s: %w", name, ctx.Err())
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%s: %d samples\n", name, len(of))
	}
	return nil
}

// cancellable is samples that cannot be read after the end of a context.
type cancellable struct {
	data.Samples
	ctx context.Context
}

func (c cancellable) Read(i int, x []float32) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Samples.Read(i, x)
}
