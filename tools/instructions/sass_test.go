package main

import (
	"reflect"
	"testing"
)

const listing = `	.headerflags	@"EF_CUDA_SM90"
//--------------------- .text.sum  --------------------------
	.section	.text.sum,"ax",@progbits
sum:
	//## File ".nv_debug_ptx_txt", line 12
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/                   LDC.64 R52, c[0x0][0x210] ;
	//## File ".nv_debug_ptx_txt", line 14
        /*0020*/              @!P0 LDG.E R0, desc[UR8][R52.64+0x118] ;
	//## File ".nv_debug_ptx_txt", line 12
        /*1230*/                   EXIT ;
.L_x_1:
        /*1240*/                   NOP;
`

func TestReadListing(t *testing.T) {
	d := disassembly{}
	if err := d.read([]byte(listing)); err != nil {
		t.Fatal(err)
	}
	if want := (disassembly{"sum": {12: 3, 14: 1}}); !reflect.DeepEqual(d, want) {
		t.Errorf("%v, want %v", d, want)
	}
	if err := d.read([]byte("        /*0000*/                   LDC R1, c[0x0][0x28] ;\n")); err == nil {
		t.Error("an instruction outside a kernel is no error")
	}
}

func TestPTXOfAFolder(t *testing.T) {
	if _, err := ptxOf(t.TempDir()); err == nil {
		t.Error("a folder without PTX is no error")
	}
	texts, err := ptxOf("")
	if err != nil || len(texts["conv_bf16"]) == 0 {
		t.Errorf("%d bytes of conv_bf16, %v", len(texts["conv_bf16"]), err)
	}
	if err := run(options{write: true, step: "mixed"}); err == nil {
		t.Error("a part of the table was written")
	}
	if err := run(options{step: "none"}); err == nil {
		t.Error("a step that there is not was counted")
	}
}
