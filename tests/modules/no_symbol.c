/* SPDX-License-Identifier: MPL-2.0 */
/* A shared object, but no module. */
int main_of_nothing(void);
int main_of_nothing(void)
{
	return 0;
}
