// SPDX-License-Identifier: GPL-2.0-only
/*
 * What C drivers do today, as the peer of pci_recovery in the benchmarks: config
 * space is saved in probe and suspend and restored in slot_reset and resume, and
 * nobody looks at what was read. It binds by driver_override only.
 *
 * /sys/kernel/debug/pci_plain/<function>/save and restore do one of it (write 1),
 * under the locks that pci_recovery takes for its files of the same names.
 */

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>

struct plain {
	struct pci_dev *pdev;
	struct dentry *dir;
};

static struct dentry *plain_root;

/* Runs @action alone with the function, unless somebody else holds its lock. */
static int plain_locked(struct plain *plain, u64 value,
			int (*action)(struct pci_dev *pdev))
{
	struct pci_dev *pdev = plain->pdev;
	int ret;

	if (value != 1)
		return -EINVAL;
	pm_runtime_get_sync(&pdev->dev);
	ret = -EBUSY;
	if (pci_dev_trylock(pdev)) {
		ret = action(pdev);
		pci_dev_unlock(pdev);
	}
	pm_runtime_put(&pdev->dev);
	return ret;
}

static int plain_restore(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	return 0;
}

static int plain_write_save(void *data, u64 value)
{
	return plain_locked(data, value, pci_save_state);
}

static int plain_write_restore(void *data, u64 value)
{
	return plain_locked(data, value, plain_restore);
}

DEFINE_DEBUGFS_ATTRIBUTE(plain_save_fops, NULL, plain_write_save, "%llu\n");
DEFINE_DEBUGFS_ATTRIBUTE(plain_restore_fops, NULL, plain_write_restore, "%llu\n");

static int plain_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct plain *plain;
	int ret;

	plain = kzalloc_obj(*plain);
	if (!plain)
		return -ENOMEM;
	ret = pci_enable_device_mem(pdev);
	if (ret)
		goto err_free;
	pci_set_master(pdev);
	ret = pci_save_state(pdev);
	if (ret)
		goto err_disable;

	plain->pdev = pdev;
	plain->dir = debugfs_create_dir(pci_name(pdev), plain_root);
	debugfs_create_file_unsafe("save", 0200, plain->dir, plain, &plain_save_fops);
	debugfs_create_file_unsafe("restore", 0200, plain->dir, plain, &plain_restore_fops);
	pci_set_drvdata(pdev, plain);
	return 0;

err_disable:
	pci_disable_device(pdev);
err_free:
	kfree(plain);
	return ret;
}

static void plain_remove(struct pci_dev *pdev)
{
	struct plain *plain = pci_get_drvdata(pdev);

	debugfs_remove(plain->dir);
	pci_disable_device(pdev);
	kfree(plain);
}

static pci_ers_result_t plain_error_detected(struct pci_dev *pdev,
					     pci_channel_state_t state)
{
	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t plain_mmio_enabled(struct pci_dev *pdev)
{
	return PCI_ERS_RESULT_RECOVERED;
}

static pci_ers_result_t plain_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

/* A driver with work to do stops and starts it in these. */
static void plain_resume_io(struct pci_dev *pdev)
{
}

static void plain_reset_prepare(struct pci_dev *pdev)
{
}

static void plain_reset_done(struct pci_dev *pdev)
{
}

static const struct pci_error_handlers plain_err_handler = {
	.error_detected = plain_error_detected,
	.mmio_enabled = plain_mmio_enabled,
	.slot_reset = plain_slot_reset,
	.resume = plain_resume_io,
	.reset_prepare = plain_reset_prepare,
	.reset_done = plain_reset_done,
};

static int plain_suspend(struct device *dev)
{
	return pci_save_state(to_pci_dev(dev));
}

/* Whoever saves owes the transition to low power, too. */
static int plain_suspend_noirq(struct device *dev)
{
	pci_prepare_to_sleep(to_pci_dev(dev));
	return 0;
}

static int plain_resume(struct device *dev)
{
	pci_restore_state(to_pci_dev(dev));
	return 0;
}

static const struct dev_pm_ops plain_pm_ops = {
	.suspend = pm_sleep_ptr(plain_suspend),
	.suspend_noirq = pm_sleep_ptr(plain_suspend_noirq),
	.resume = pm_sleep_ptr(plain_resume),
};

static struct pci_driver plain_driver = {
	.name = "pci_plain",
	.probe = plain_probe,
	.remove = plain_remove,
	.err_handler = &plain_err_handler,
	.driver.pm = pm_sleep_ptr(&plain_pm_ops),
};

static int __init plain_init(void)
{
	int ret;

	plain_root = debugfs_create_dir("pci_plain", NULL);
	ret = pci_register_driver(&plain_driver);
	if (ret)
		debugfs_remove(plain_root);
	return ret;
}
module_init(plain_init);

static void __exit plain_exit(void)
{
	pci_unregister_driver(&plain_driver);
	debugfs_remove(plain_root);
}
module_exit(plain_exit);

MODULE_DESCRIPTION("FOR BENCHMARKS: PCI save and restore without checks, as C drivers do it");
MODULE_LICENSE("GPL");
