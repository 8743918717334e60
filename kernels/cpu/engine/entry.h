// The functions that Go calls. cgo cannot call through a pointer; therefore each entry of struct isa has a function here.
#ifndef BNAS_ENTRY_H
#define BNAS_ENTRY_H
#include "engine.h"
#include "weight.h"

// choose_core finds the first core that fits j->shape and sets all fields that depend on it. With apart, outputs are
// computed in scratch memory: they are added to others, or stored in 16 bits. With fast, the core may be one of the less exact.
void choose_core(const struct isa *isa, struct conv_job *j, int apart, int fast);

// run_pack packs dense weights w for a job that has the convolution among its siblings: to kb output blocks from across input blocks, those
// from c0 on. pack_floats is the size of dst, which has those from cb input blocks.
void run_pack(const struct place *, const struct conv_job *, float *dst, int kb, int cb, const struct dense *, int across, const float *w);
size_t pack_floats(const struct conv_job *, int kb, int cb);

// choose_weight_core finds the first core that fits j->conv and sets all fields that depend on it.
void choose_weight_core(const struct isa *isa, struct weight_job *j);

// weight_joins reports whether conv_grad of job g can compute the sums of j: all of dy is in its padded input, without gaps,
// and an item has all output blocks.
int weight_joins(const struct weight_job *j, const struct conv_job *g);

// new_floats returns aligned memory of n floats, or NULL. Large memory is in huge pages if the system has them. free_floats is told n.
float *new_floats(size_t n);
void free_floats(float *p, size_t n);

// packs are those of each out; of a gradient one of all loads, or one of each.
void run_conv(const struct isa *, const struct place *, const struct conv_job *, const struct load *, int nloads,
              const struct term *, const struct out *, int nouts, int rows, const float *const *packs);
void run_conv_grad(const struct isa *, const struct place *, const struct conv_job *, const struct load *, int nloads,
                   const struct term *, const struct grad *, const float *const *packs, int npacks,
                   const struct weight_job *weight, const struct load *u, float *sums);
void run_weight_grad(const struct isa *, const struct place *, const struct weight_job *, const struct load *, int nloads,
                     const struct term *, float *sums);
void run_weight_merge(const struct isa *, const struct place *, const struct weight_job *, const struct weight_slice *,
                      float *dw, const float *sums);
void run_op(const struct isa *, const struct place *, const struct op_job *, const struct load *, int nloads,
            const struct term *, const struct out *, int rows);
void run_op_grad(const struct isa *, const struct place *, const struct op_job *, const struct load *dy,
                 const struct load *, const struct term *, const struct grad *, int ngrads);
void run_block(const struct isa *, const struct place *, const float *src, const struct out *, int h, int w, int rows);
void run_unblock(const struct isa *, const struct place *, float *dst, const struct load *, const struct term *);
void run_spatial_mean(const struct isa *, const struct place *, double *dst, const struct load *, const struct term *);
void run_covariance(const struct isa *, const struct place *, double *sums, const float *centre, double *mean, double *cov,
                    const struct load *, const struct term *);
void run_states(const struct isa *, const struct place *, uint64_t *dst, size_t words, int64_t *count, const struct load *, const struct term *);
size_t covariance_doubles(int cb);
size_t covariance_floats(int cb, int h, int w);
void run_products(const struct isa *, const struct place *, const struct products *, double *sums, double *dst);
size_t products_doubles(const struct products *);
void run_agree(const struct isa *, const struct place *, int64_t *k, const uint64_t *codes, size_t words, int64_t units, int64_t weight);
#endif
