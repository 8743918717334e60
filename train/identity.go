package train

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"bnas.example/data"
	"bnas.example/internal/setting"
	"bnas.example/supernet"
)

// Field is one setting that must be equal in a checkpoint and in the run that continues it.
type Field struct{ Name, Value string }

// free lists the settings that a resumed run may change. They do not change the result, or "total steps" contains them.
var free = []string{"epochs", "steps", "checkpoint_every", "checkpoint_interval", "max_time"}

// netIdentity names the supernet: its configuration and the hash of its parameter table.
func netIdentity(net *supernet.Net) []Field {
	h := sha256.New()
	for _, p := range net.Params() {
		fmt.Fprintf(h, "%s %d %v\n", p.Name, p.Kind, p.Shape)
	}
	return append(settings("supernet ", net.Config), Field{"parameter table", hex.EncodeToString(h.Sum(nil)[:8])})
}

// runIdentity lists the other settings that decide the result of a training run. The first batch identifies the data set,
// its normalisation, the split, the augmentation and the loader's seed.
func runIdentity(cfg Config, total int, loader *data.Loader, first data.Batch) []Field {
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, first.Images)
	for _, l := range first.Labels {
		fmt.Fprintln(h, l)
	}
	return append(settings("training ", cfg),
		Field{totalSteps, fmt.Sprint(total)},
		Field{"steps per epoch", fmt.Sprint(loader.StepsPerEpoch())},
		Field{"data, augmentation and shuffling (hash of the first batch)", hex.EncodeToString(h.Sum(nil)[:8])},
	)
}

// settings lists the fields of a configuration by their names in the configuration file. A field that the file omits if it is
// empty is omitted here too: older checkpoints do not have it.
func settings(prefix string, config any) []Field {
	var fields []Field
	v := reflect.ValueOf(config)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := setting.Key(field)
		omitted := strings.HasSuffix(field.Tag.Get("yaml"), ",omitempty") && v.Field(i).IsZero()
		if !omitted && !oneOf(name, free...) {
			fields = append(fields, Field{prefix + name, fmt.Sprint(v.Field(i).Interface())})
		}
	}
	return fields
}

// totalSteps names the field that a run may extend.
const totalSteps = "total steps"

// extend makes the checkpoint one of a run of total steps. A run that had ended early, because its ranking had settled, goes
// on.
func (c *checkpoint) extend(total int) {
	c.was, c.Total = c.Total, total
	c.Identity = slices.Clone(c.Identity)
	for i, f := range c.Identity {
		if f.Name == totalSteps {
			c.Identity[i].Value = fmt.Sprint(total)
		}
	}
	c.State.Ranking.Settled, c.State.Ranking.Row = false, 0
}

// matches returns an error for the first field of want that is missing in the checkpoint or has another value there.
func (c *checkpoint) matches(want []Field) error {
	have := map[string]string{}
	for _, f := range c.Identity {
		have[f.Name] = f.Value
	}
	for _, f := range want {
		v, ok := have[f.Name]
		switch {
		case !ok:
			return fmt.Errorf("the checkpoint is of another program: it does not say its %s", f.Name)
		case v != f.Value && f.Name == totalSteps: // extend has made a longer run equal
			return fmt.Errorf("the run has %s steps, %s are asked for: a run can become longer, not shorter", v, f.Value)
		case v != f.Value:
			return fmt.Errorf("the checkpoint is of another run: its %s is %s, here it is %s", f.Name, v, f.Value)
		}
	}
	return nil
}
