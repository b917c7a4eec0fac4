// The numbers of Krylov methods, kept on the device.
//
// | slot | what |
// |---|---|
// | RZ, BETA | r.z, and its ratio to the one before (0 after a restart) |
// | PQ, ALPHA | p.A p, and the step along p; 0 where p.A p is not positive and finite: then nothing moves, and the host decides |
// | RR | r.r |
// | PR | p.r |
// | C, CURVATURE | two each: d.A p_j / p_j.A p_j, and p_j.A p_j of the past directions |
enum Slot { RZ, BETA, PQ, ALPHA, RR, PR, C, CURVATURE = C + 2, SLOTS = CURVATURE + 2 };

