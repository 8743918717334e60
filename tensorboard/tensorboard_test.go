package tensorboard

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

// records splits a file and checks its checksums.
func records(t *testing.T, file []byte) (all [][]byte) {
	t.Helper()
	for len(file) > 0 {
		n := int(binary.LittleEndian.Uint64(file))
		if binary.LittleEndian.Uint32(file[8:]) != maskedCRC(file[:8]) || binary.LittleEndian.Uint32(file[12+n:]) != maskedCRC(file[12:12+n]) {
			t.Fatal("a wrong checksum")
		}
		all = append(all, file[12:12+n])
		file = file[16+n:]
	}
	return all
}

// fields decodes a message: its values by number. A varint is an int64, a fixed64 a float64, a fixed32 a float32, all else a []byte.
func fields(t *testing.T, b []byte) map[int][]any {
	t.Helper()
	all := map[int][]any{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("no tag: %x", b)
		}
		b = b[n:]
		var v any
		switch kind {
		case protowire.VarintType:
			var u uint64
			u, n = protowire.ConsumeVarint(b)
			v = int64(u)
		case protowire.Fixed64Type:
			var u uint64
			u, n = protowire.ConsumeFixed64(b)
			v = math.Float64frombits(u)
		case protowire.Fixed32Type:
			var u uint32
			u, n = protowire.ConsumeFixed32(b)
			v = math.Float32frombits(u)
		default:
			v, n = protowire.ConsumeBytes(b)
		}
		if n < 0 {
			t.Fatalf("field %d: %x", number, b)
		}
		b = b[n:]
		all[int(number)] = append(all[int(number)], v)
	}
	return all
}

// TestMaskedCRC: CRC-32C of "123456789" is e3069283 in every catalogue of checksums.
func TestMaskedCRC(t *testing.T) {
	crc := uint32(0xe3069283)
	if got, want := maskedCRC([]byte("123456789")), (crc>>15|crc<<17)+0xa282ead8; got != want {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestFile(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, 100.5)
	if err != nil {
		t.Fatal(err)
	}
	h := Histogram{Min: 1, Max: 3, Sum: 5, Squares: 11, Counts: []int{1, 0, 1, 2}}
	if err := w.Write(101.25, 7, Scalar("loss", 0.5), h.Value("γ"), Image("cell", []byte("png"), 30, 20)); err != nil {
		t.Fatal(err)
	}
	all := records(t, file.Bytes())
	if len(all) != 3 {
		t.Fatalf("%d records, want a version, a start and an event", len(all))
	}
	if diff := cmp.Diff(map[int][]any{1: {100.5}, 3: {[]byte(fileVersion)}}, fields(t, all[0])); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[int][]any{1: {int64(1)}}, fields(t, fields(t, all[1])[7][0].([]byte))); diff != "" {
		t.Error(diff)
	}
	event := fields(t, all[2])
	if diff := cmp.Diff([]any{101.25, int64(7)}, []any{event[1][0], event[2][0]}); diff != "" {
		t.Error(diff)
	}
	summary := fields(t, event[5][0].([]byte))[1]
	if diff := cmp.Diff(map[int][]any{1: {[]byte("loss")}, 2: {float32(0.5)}}, fields(t, summary[0].([]byte))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[int][]any{1: {int64(20)}, 2: {int64(30)}, 3: {int64(3)}, 4: {[]byte("png")}}, fields(t, fields(t, summary[2].([]byte))[4][0].([]byte))); diff != "" {
		t.Error(diff)
	}
	histogram := fields(t, fields(t, summary[1].([]byte))[5][0].([]byte))
	list := func(values ...float64) []byte {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	want := map[int][]any{1: {1.0}, 2: {3.0}, 3: {4.0}, 4: {5.0}, 5: {11.0}, 6: {list(1.5, 2, 2.5, 3)}, 7: {list(1, 0, 1, 2)}}
	if diff := cmp.Diff(want, histogram); diff != "" {
		t.Error(diff)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestFullDisk(t *testing.T) {
	if _, err := NewWriter(failing{}, 0); err == nil {
		t.Error("a version was written")
	}
	if err := (&Writer{failing{}}).Write(0, 0); err == nil {
		t.Error("an event was written")
	}
}

// TestTensorBoardsReader reads a file with TensorBoard's own reader: make test-tensorboard.
func TestTensorBoardsReader(t *testing.T) {
	if exec.Command("python3", "-c", "import tensorboard").Run() != nil {
		t.Skip("python3 has no tensorboard; scripts/with-python.sh tensorboard-requirements.txt runs a command with it")
	}
	var file, picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(&file, 1000)
	for _, values := range [][]Value{
		{Text("config", "    seed: 7"), Started(map[string]any{"train.lr": 0.02, "train.flip": true, "train.optimizer": "adamw", "seed": uint64(7), "first": int64(-1)}, 1000)},
		{Scalar("train/loss", 0.5), Histogram{Min: 1, Max: 3, Sum: 5, Squares: 11, Counts: []int{1, 2}}.Value("gamma/conv")},
		{Image("network", picture.Bytes(), 3, 2)},
		{Ended(1003)},
	} {
		if err == nil {
			err = w.Write(1001, 7, values...)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "events.out.tfevents.0000001000.bnas"), file.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", "-c", `
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
a = EventAccumulator(sys.argv[1], size_guidance={k: 0 for k in ("scalars", "histograms", "images", "tensors")})
a.Reload()
print([(e.wall_time, e.step, e.value) for e in a.Scalars("train/loss")])
h = a.Histograms("gamma/conv")[0].histogram_value
print(h.min, h.max, h.num, h.sum, h.sum_squares, h.bucket_limit, h.bucket)
i = a.Images("network")[0]
print(i.step, i.width, i.height, i.encoded_image_string[:4])
print(a.Tensors("config")[0].tensor_proto.string_val[0].decode(), a.PluginTagToContent("text"))
data = {tag: plugin_data_pb2.HParamsPluginData.FromString(content) for tag, content in a.PluginTagToContent("hparams").items()}
start = data["_hparams_/session_start_info"].session_start_info
print(sorted((k, v.WhichOneof("kind"), getattr(v, v.WhichOneof("kind"))) for k, v in start.hparams.items()), start.start_time_secs)
end = data["_hparams_/session_end_info"].session_end_info
print(end.status, end.end_time_secs)
`, folder).CombinedOutput()
	want := `[(1001.0, 7, 0.5)]
1.0 3.0 3.0 5.0 11.0 [2.0, 3.0] [1.0, 2.0]
7 3 2 b'\x89PNG'
    seed: 7 {'config': b''}
[('first', 'number_value', -1.0), ('seed', 'number_value', 7.0), ('train.flip', 'bool_value', True), ('train.lr', 'number_value', 0.02), ('train.optimizer', 'string_value', 'adamw')] 1000.0
1 1003.0
`
	if err != nil || !strings.HasSuffix(string(out), want) {
		t.Errorf("%v: %s\nwant %s", err, out, want)
	}
}
