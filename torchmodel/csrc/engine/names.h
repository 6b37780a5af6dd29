/* The functions of libpii.so that the Go side calls: each is bound when the library is opened. A function added to engine.h is
   added to this list too. */
X(pii_engine_free)
X(pii_engine_make)
X(pii_engine_products)
X(pii_engine_run)
X(pii_engine_supports)
X(pii_engine_take)
