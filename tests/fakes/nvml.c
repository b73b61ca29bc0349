/* A stand-in for NVIDIA's management library, libnvidia-ml.so.1, with no driver behind it.
 *
 * It answers what pynvml asks when the GPUs of a machine are listed. The environment tells what to answer:
 *
 *   FAKE_NVML_GPUS       how many GPUs there are (4)
 *   FAKE_NVML_NAMES      their names, separated by ';'; the last one holds for all further GPUs ("Fake GPU")
 *   FAKE_NVML_MIG        how many MIG instances GPU 0 is cut into, at most 6; 0 for MIG switched off (0)
 *   FAKE_NVML_TOTAL_GIB  the memory of each GPU (24); instances share it equally
 *   FAKE_NVML_FREE_GIB   how much of it is free (23)
 *   FAKE_NVML_BUSY       the percentage of time in which each GPU works (0)
 *   FAKE_NVML_FAULTS     calls that fail, as "call=code" or "call:gpu=code", separated by ','. Calls: init, count,
 *                        driver, shutdown; with a GPU: handle, name, uuid, memory, rates, mig, instances,
 *                        instance. Codes: nvmlReturn_t.
 *   FAKE_NVML_SHUTDOWN   a file to create when the library is shut down
 *
 * The UUID of GPU 1 is GPU-01000000-0000-4000-8000-000000000000, that of instance 2 of GPU 0 is
 * MIG-02000000-0000-4000-8000-000000000000, so two digits name a device and one is ambiguous.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6 };
enum { MAX_GPUS = 64, MAX_PLACES = 7 };

/* A GPU's instance number is -1. */
typedef struct { int gpu, instance; } device_t;
typedef device_t *handle_t;
typedef struct { unsigned long long total, free, used; } memory_t;

static device_t gpus[MAX_GPUS], instances[MAX_PLACES - 1];
static int initialised;

static int number(const char *variable, int otherwise) {
    const char *text = getenv(variable);
    return text ? atoi(text) : otherwise;
}

/* The code that FAKE_NVML_FAULTS holds for this call, SUCCESS where it holds none. A negative gpu stands for none. */
static int fault(const char *call, int gpu) {
    const char *faults = getenv("FAKE_NVML_FAULTS");
    char wanted[64];
    int length = gpu < 0 ? snprintf(wanted, sizeof wanted, "%s=", call)
                         : snprintf(wanted, sizeof wanted, "%s:%d=", call, gpu);
    for (; faults && *faults; faults += strcspn(faults, ","), faults += *faults == ',')
        if (!strncmp(faults, wanted, length)) return atoi(faults + length);
    return SUCCESS;
}

static int may_answer(const char *call, int gpu) { return initialised ? fault(call, gpu) : UNINITIALIZED; }

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    int code = fault("init", -1);
    if (code) return code;
    for (int i = 0; i < MAX_GPUS; i++) gpus[i] = (device_t){i, -1};
    for (int i = 0; i < MAX_PLACES - 1; i++) instances[i] = (device_t){0, i};
    initialised++;
    return SUCCESS;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlInit(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) {
    int code = may_answer("shutdown", -1);
    const char *witness = getenv("FAKE_NVML_SHUTDOWN");
    if (code) return code;
    initialised--;
    if (witness) fclose(fopen(witness, "w"));
    return SUCCESS;
}

const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "a fault of the fake driver"; }

int nvmlSystemGetDriverVersion(char *text, unsigned size) {
    int code = may_answer("driver", -1);
    if (!code) snprintf(text, size, "999.99");
    return code;
}

int nvmlSystemGetCudaDriverVersion(int *version) { *version = 13000; return SUCCESS; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { return nvmlSystemGetCudaDriverVersion(version); }

int nvmlDeviceGetCount_v2(unsigned *count) {
    int code = may_answer("count", -1);
    if (!code) *count = number("FAKE_NVML_GPUS", 4);
    return code;
}

int nvmlDeviceGetCount(unsigned *count) { return nvmlDeviceGetCount_v2(count); }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, handle_t *handle) {
    int code = may_answer("handle", index);
    if (code) return code;
    if (index >= (unsigned)number("FAKE_NVML_GPUS", 4) || index >= MAX_GPUS) return INVALID_ARGUMENT;
    *handle = &gpus[index];
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex(unsigned index, handle_t *handle) { return nvmlDeviceGetHandleByIndex_v2(index, handle); }

int nvmlDeviceGetName(handle_t device, char *text, unsigned size) {
    int code = may_answer("name", device->gpu);
    const char *name = getenv("FAKE_NVML_NAMES");
    if (code) return code;
    if (!name) name = "Fake GPU";
    for (int i = 0; i < device->gpu && strchr(name, ';'); i++) name = strchr(name, ';') + 1;
    int length = strcspn(name, ";");
    if (device->instance < 0) snprintf(text, size, "%.*s", length, name);
    else snprintf(text, size, "%.*s MIG 1g", length, name);
    return SUCCESS;
}

int nvmlDeviceGetUUID(handle_t device, char *text, unsigned size) {
    int code = may_answer("uuid", device->gpu);
    if (code) return code;
    int whole = device->instance < 0;
    snprintf(text, size, "%s-%02x000000-0000-4000-8000-000000000000", whole ? "GPU" : "MIG",
             whole ? device->gpu : device->instance);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(handle_t device, memory_t *memory) {
    int code = may_answer("memory", device->gpu);
    if (code) return code;
    unsigned long long shares = device->instance < 0 ? 1 : number("FAKE_NVML_MIG", 0);
    memory->total = ((unsigned long long)number("FAKE_NVML_TOTAL_GIB", 24) << 30) / shares;
    memory->free = ((unsigned long long)number("FAKE_NVML_FREE_GIB", 23) << 30) / shares;
    memory->used = memory->total - memory->free;
    return SUCCESS;
}

typedef struct { unsigned gpu, memory; } rates_t;

/* Of an instance nobody knows. */
int nvmlDeviceGetUtilizationRates(handle_t device, rates_t *rates) {
    int code = may_answer("rates", device->gpu);
    if (code) return code;
    if (device->instance >= 0) return NOT_SUPPORTED;
    rates->gpu = number("FAKE_NVML_BUSY", 0);
    rates->memory = 0;
    return SUCCESS;
}

/* As boards without MIG answer: not supported. */
int nvmlDeviceGetMigMode(handle_t device, unsigned *current, unsigned *pending) {
    int code = may_answer("mig", device->gpu);
    if (code) return code;
    if (!number("FAKE_NVML_MIG", 0)) return NOT_SUPPORTED;
    *current = *pending = device->gpu == 0;
    return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(handle_t device, unsigned *count) {
    int code = may_answer("instances", device->gpu);
    if (!code) *count = device->gpu == 0 ? MAX_PLACES : 0;
    return code;
}

/* Instances keep their places when others are destroyed: here the first place is always empty. */
int nvmlDeviceGetMigDeviceHandleByIndex(handle_t device, unsigned place, handle_t *instance) {
    int code = may_answer("instance", device->gpu);
    if (code) return code;
    if (device->gpu != 0 || place == 0 || place >= MAX_PLACES || place > (unsigned)number("FAKE_NVML_MIG", 0))
        return NOT_FOUND;
    *instance = &instances[place - 1];
    return SUCCESS;
}
